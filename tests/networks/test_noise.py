"""Noise is a function of the random generator and of nothing else."""

import pytest
import torch

from ganexp import noise


def seeded(seed):
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("draw", [noise.normal, noise.uniform])
def test_noise_depends_on_the_generator_alone(draw):
    first = draw((4, 5), seeded(1), "cpu")
    torch.manual_seed(7)
    state = torch.random.get_rng_state()
    assert torch.equal(draw((4, 5), seeded(1), "cpu"), first)
    assert torch.equal(torch.random.get_rng_state(), state)
    assert not torch.equal(draw((4, 5), seeded(2), "cpu"), first)
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
def test_every_device_sees_the_same_numbers():
    assert torch.equal(noise.normal((4, 5), seeded(1), "cuda").cpu(), noise.normal((4, 5), seeded(1)))
