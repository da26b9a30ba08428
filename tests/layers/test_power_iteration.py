"""Spectral normalization's power iterations: one a turn, or one in each forward pass."""

from collections import Counter

import pytest
import torch
from torch.nn.utils import parametrizations

from ganexp.errors import UserError
from ganexp.layers import normalization
from ganexp.layers.power_iteration import singular_vectors
from ganexp.networks import dcgan
from ganexp.penalties.gradient_penalty import GradientPenalty
from ganexp.penalties.zero_centred import R1, R2
from ganexp.variants.gan import GAN
from support.formula import fill
from support.tiny import fit, make_gan, state


@pytest.fixture
def iterations(monkeypatch):
    """Counts the power iterations of each layer."""
    counts, original = Counter(), parametrizations._SpectralNorm._power_method

    def counted(layer, *arguments):
        counts[layer] += 1
        original(layer, *arguments)

    monkeypatch.setattr(parametrizations._SpectralNorm, "_power_method", counted)
    return counts


def spectral_norms(network):
    return [module for module in network.modules() if isinstance(module, parametrizations._SpectralNorm)]


def iterations_by_turn(iterations, **settings):
    """Return the names of the players in their order, with the iterations of each layer, and the module."""
    turns = []

    class Counted(GAN):
        def turn(self, player, optimizer, batch):
            iterations.clear()
            super().turn(player, optimizer, batch)
            turns.append((player.name, dict(iterations)))

    module = make_gan(normalization.spectral, networks=dcgan, cls=Counted, critic_steps=2, **settings)
    iterations.clear()
    fit(module, 4)
    assert [name for name, _ in turns] == ["discriminator", "discriminator", "generator"] * 2
    return turns, module


@pytest.mark.parametrize("accumulate", [1, 2])
@pytest.mark.parametrize("penalties", [{}, {"gradient_penalty": GradientPenalty(), "r1": R1(), "r2": R2()}], ids=len)
def test_each_layer_of_the_mover_iterates_once_a_turn_and_the_others_rest(iterations, penalties, accumulate):
    turns, module = iterations_by_turn(iterations, penalties=penalties, accumulate=accumulate)
    movers = {"discriminator": module.discriminator, "generator": module.generator}
    for name, counted in turns:
        assert counted == dict.fromkeys(spectral_norms(movers[name]), 1)


@pytest.mark.parametrize(
    ("penalties", "passes"), [({}, 2), ({"gradient_penalty": GradientPenalty()}, 3)], ids=["", "gp"]
)
def test_with_every_forward_each_call_iterates_also_of_a_network_that_waits(iterations, penalties, passes):
    turns, module = iterations_by_turn(iterations, penalties=penalties, power_iteration="every_forward")
    of_g, of_d = spectral_norms(module.generator), spectral_norms(module.discriminator)
    for name, counted in turns:
        times = passes if name == "discriminator" else 1
        assert counted == dict.fromkeys(of_g, 1) | dict.fromkeys(of_d, times)


def trained(batches=6, **settings):
    """Return a game of spectrally normalized networks in float64 after some batches."""
    module = make_gan(normalization.spectral, power_iteration="every_forward", **settings).double()
    fit(module, batches, precision="64-true")
    return module


@pytest.mark.parametrize("penalties", [{}, {"r1": R1()}], ids=["plain", "r1"])
def test_parts_of_an_accumulated_batch_are_judged_by_the_weights_of_the_whole(penalties):
    whole, parts = trained(penalties=penalties), trained(penalties=penalties, accumulate=4)
    for one, other in zip(state(whole).values(), state(parts).values(), strict=True):
        assert torch.allclose(one, other, rtol=0, atol=1e-12)


def test_where_the_vectors_have_converged_both_choices_give_the_same_gradients():
    gradients = []
    for choice in ("every_turn", "every_forward"):
        module = make_gan(
            normalization.spectral,
            networks=dcgan,
            power_iteration=choice,
            penalties={"gradient_penalty": GradientPenalty()},
            optimizer=lambda parameters: torch.optim.SGD(parameters, lr=0.0),
        )
        fill(module.discriminator)
        fill(module.generator)
        steps = []
        module.on_before_optimizer_step = lambda optimizer, steps=steps: steps.append(
            [p.grad.clone() for group in optimizer.param_groups for p in group["params"]]
        )
        fit(module, 2, precision="64-true")
        gradients.append([gradient for step in steps for gradient in step])
    assert any(gradient.any() for gradient in gradients[0])
    for one, other in zip(*gradients, strict=True):
        assert torch.allclose(one, other, rtol=0, atol=1e-11)


def test_the_vectors_are_the_buffers_of_the_spectral_norms():
    discriminator = make_gan(normalization.spectral).discriminator
    buffers = {id(buffer) for name, buffer in discriminator.named_buffers() if name.endswith(("_u", "_v"))}
    assert {id(vector) for vector in singular_vectors(discriminator)} == buffers
    assert singular_vectors(make_gan(normalization.none).discriminator) == []


def test_an_unknown_choice_is_refused_with_those_there_are():
    with pytest.raises(UserError, match=r"^model\.power_iteration=always: choose one of every_turn, every_forward"):
        make_gan(power_iteration="always")
