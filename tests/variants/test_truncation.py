"""The truncation trick: less variety, and nothing else (arXiv 1809.11096, section 3.1)."""

from functools import partial

import pytest
import torch

from ganexp import noise
from ganexp.ema import ExponentialMovingAverage
from ganexp.layers import normalization as normalizations
from ganexp.networks import biggan
from ganexp.numerics.randomness import generator
from ganexp.variants.conditional import ConditionalGAN
from ganexp.variants.samplers import base as sampler
from support.tiny import fit, make_gan, same, state


@pytest.fixture(autouse=True)
def _few_batches(monkeypatch):
    monkeypatch.setattr(sampler, "STANDING_BATCHES", 5)


def trained(norm, **settings):
    module = make_gan(norm, **settings)
    fit(module, 4)
    return module


def conditional(**settings):
    """A BigGAN's generator of three classes, its running statistics settled."""
    torch.manual_seed(0)
    network = biggan.Generator(8, 1, 32, normalizations.batch_spectral(), 3, width=2, embedding=4)
    with torch.no_grad():
        for _ in range(20):
            network(torch.randn(32, 8), torch.randint(3, (32,)))
    module = make_gan(cls=partial(ConditionalGAN, 3), **settings)
    module.sampler.generator, module.sampler.latent = network, 8
    return module


@pytest.mark.parametrize("norm", [normalizations.none, normalizations.batch])
def test_without_truncation_samples_are_the_generators_on_the_noise_of_the_seed(norm):
    module = trained(norm)
    whole = noise.normal((64, 4), generator(5, "sample", 0))
    with torch.no_grad():
        expected = module.generator.eval()(whole)[:7]
    torch.testing.assert_close(module.sample(7, seed=5), expected, rtol=0, atol=1e-6)
    assert module.describe_samples(5)["batch_norm"] == "running statistics"
    assert "truncation" not in module.describe_samples(5)


@pytest.mark.parametrize("norm", [normalizations.none, normalizations.batch, normalizations.layer])
def test_truncation_lowers_the_variance_of_samples(norm):
    variances = []
    for threshold in (0.1, 0.5, 1.5, 9.0):
        module = trained(norm)
        module.sampler.truncate(threshold)
        variances.append(module.sample(256, seed=0).var(0).mean().item())
    assert variances == sorted(variances)
    assert variances[0] < variances[-1] / 2


def test_truncation_lowers_the_variance_within_a_class_of_biggan():
    whole, cut = conditional(), conditional()
    whole.sampler.truncate(9.0)
    cut.sampler.truncate(0.3)
    for label in range(3):
        wide, narrow = (module.sample(64, 0, [label]).var(0).mean().item() for module in (whole, cut))
        assert narrow < wide / 2


def test_noise_is_cut_at_the_threshold_and_is_a_function_of_the_seed():
    module = make_gan()
    module.sampler.truncate(0.3)
    numbers = torch.arange(64)
    drawn = module.sampler.numbered_noise(numbers, seed=1)
    assert drawn.abs().max() <= 0.3
    assert torch.equal(drawn, module.sampler.numbered_noise(numbers, seed=1))
    assert not torch.equal(drawn, module.sampler.numbered_noise(numbers, seed=2))
    # Some processors multiply matrices of other heights in another order.
    torch.testing.assert_close(module.sample(70, seed=1)[:5], module.sample(5, seed=1), rtol=0, atol=1e-6)


@pytest.mark.parametrize("ema", [None, ExponentialMovingAverage])
def test_batch_norm_gets_standing_statistics_that_depend_on_the_game_alone(ema):
    one, other = (trained(normalizations.batch, ema=ema) for _ in range(2))
    before = state(one)
    torch.rand(3)
    one.sampler.truncate(0.5)
    other.sampler.truncate(0.5)
    assert torch.equal(one.sample(5, 0), other.sample(5, 0))
    assert same(before, state(one))
    description = one.describe_samples(0)
    assert (description["batch_norm"], description["truncation"]) == ("standing statistics", 0.5)
    running = trained(normalizations.batch, ema=ema)
    running.sampler.noise = noise.truncated(running.sampler.noise, 0.5)
    assert not torch.equal(running.sample(5, 0), one.sample(5, 0))


def test_conditional_statistics_are_gathered_over_all_classes(monkeypatch):
    module, labels = conditional(), []
    module.sampler.generator.register_forward_pre_hook(lambda _, inputs: labels.append(inputs[1]))
    module.sampler.truncate(0.5)
    seen = torch.bincount(torch.cat(labels), minlength=3) / (5 * 64)
    assert (seen - 1 / 3).abs().max() < 0.1


def test_without_batch_norm_the_network_itself_draws():
    module = trained(normalizations.layer)
    module.sampler.truncate(0.5)
    assert module.describe_samples(0)["batch_norm"] == "running statistics"
    with torch.no_grad():
        expected = module.generator.eval()(module.sampler.numbered_noise(torch.arange(5), 0))
    torch.testing.assert_close(module.sample(5, 0), expected, rtol=0, atol=1e-6)


def test_uniform_noise_cannot_be_truncated_and_nothing_changes():
    module = trained(normalizations.batch)
    module.sampler.noise = noise.uniform
    before = module.sample(5, 0)
    with pytest.raises(ValueError, match="not normal"):
        module.sampler.truncate(0.5)
    assert torch.equal(module.sample(5, 0), before)
