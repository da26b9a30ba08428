"""Noise is a function of the random generator and of nothing else."""

import math
from functools import partial

import pytest
import scipy.stats
import torch

from ganexp import noise


def seeded(seed):
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("draw", [noise.normal, noise.uniform])
def test_noise_depends_on_the_generator_alone(draw):
    first = draw((4, 5), seeded(1))
    torch.manual_seed(7)
    state = torch.random.get_rng_state()
    assert torch.equal(draw((4, 5), seeded(1)), first)
    assert torch.equal(torch.random.get_rng_state(), state)
    assert not torch.equal(draw((4, 5), seeded(2)), first)
    assert first.dtype == torch.float32


def test_distributions():
    normal, uniform = noise.normal((200, 200), seeded(0)), noise.uniform((200, 200), seeded(0))
    assert normal.mean().item() == pytest.approx(0, abs=0.02)
    assert normal.std().item() == pytest.approx(1, abs=0.02)
    assert uniform.mean().item() == pytest.approx(0, abs=0.02)
    assert uniform.std().item() == pytest.approx(3**-0.5, abs=0.01)
    assert -1 <= uniform.min() < -0.99
    assert 0.99 < uniform.max() <= 1


@pytest.mark.gpu
@pytest.mark.parametrize("draw", [noise.normal, noise.uniform, noise.truncated_normal])
def test_noise_is_on_the_device_of_its_generator(draw):
    drawn = draw((4, 5), torch.Generator("cuda").manual_seed(1))
    assert drawn.is_cuda
    assert torch.equal(draw((4, 5), torch.Generator("cuda").manual_seed(1)), drawn)


@pytest.mark.parametrize("threshold", [0.04, 0.5, 2.0])
def test_truncated_noise_has_the_truncated_normal_distribution(threshold):
    drawn = noise.truncated_normal((200, 200), seeded(0), threshold=threshold).double().flatten().numpy()
    law = scipy.stats.truncnorm(-threshold, threshold)
    assert abs(drawn).max() <= threshold
    assert drawn.var() == pytest.approx(law.var(), rel=0.03)
    assert scipy.stats.kstest(drawn, law.cdf).pvalue > 0.01


def test_truncated_noise_depends_on_the_generator_alone():
    cut = noise.truncated(partial(noise.normal), 0.5)
    assert torch.equal(cut((4, 5), seeded(1)), cut((4, 5), seeded(1)))
    assert not torch.equal(cut((4, 5), seeded(1)), cut((4, 5), seeded(2)))
    assert cut((4, 5), seeded(1)).dtype == torch.float32


def test_truncation_lowers_the_variance_the_more_the_nearer_the_threshold():
    variances = [
        noise.truncated(noise.normal, t)((200, 200), seeded(0)).var().item() for t in (0.1, 0.5, 1.0, 2.0, 9.0)
    ]
    assert variances == sorted(variances)
    assert variances[0] < 0.01
    assert variances[-1] == pytest.approx(1, abs=0.02)


@pytest.mark.parametrize("threshold", [0.0, -1.0, math.nan, math.inf])
def test_a_threshold_that_leaves_nothing_or_everything_is_refused(threshold):
    with pytest.raises(ValueError, match=r"^truncation=.*finite number above 0"):
        noise.truncated(noise.normal, threshold)


def test_only_normal_noise_can_be_truncated():
    with pytest.raises(ValueError, match=r"^truncation=0.5: this model's noise is not normal"):
        noise.truncated(partial(noise.uniform), 0.5)
