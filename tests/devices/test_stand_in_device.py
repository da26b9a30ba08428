"""The stand-in device: tensors of two devices do not mix, and values are those of the processor."""

import numpy as np
import pytest
import torch
from stand_in_device import DEVICE, OnDevice, stand_in_device
from torch import nn


@pytest.fixture
def device():
    with stand_in_device() as device:
        yield device


def test_values_are_those_of_the_processor(device):
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.ReLU(), nn.Flatten(), nn.Linear(8, 1))
    images = torch.randn(3, 1, 4, 4)
    network(images).square().sum().backward()
    expected = [parameter.grad.clone() for parameter in network.parameters()]
    network.zero_grad()
    network.train().to(device)
    network(images.to(device)).square().sum().backward()
    for parameter, gradient in zip(network.parameters(), expected, strict=True):
        assert parameter.device == parameter.grad.device == DEVICE
        assert torch.equal(parameter.grad.cpu(), gradient)


def test_random_numbers_are_those_of_the_processor(device):
    rng = torch.Generator(device).manual_seed(3)
    drawn = torch.randn(5, generator=rng, device=rng.device)
    assert isinstance(drawn, OnDevice)
    assert torch.equal(drawn.cpu(), torch.randn(5, generator=torch.Generator().manual_seed(3)))


@pytest.mark.parametrize(
    "mix",
    [
        lambda ours, theirs: ours + theirs,
        lambda ours, theirs: theirs + ours,
        lambda ours, theirs: theirs @ ours,
        lambda ours, theirs: torch.cat([ours, theirs]),
        lambda ours, theirs: torch.stack([ours.sum(), theirs.sum()]),
        lambda ours, theirs: theirs.add_(ours),
        lambda ours, theirs: theirs.sum().add_(ours.sum()),
    ],
)
def test_tensors_of_two_devices_raise(device, mix):
    with pytest.raises(RuntimeError, match="at least two devices"):
        mix(torch.ones(2, 2, device=device), torch.ones(2, 2))


def test_scalars_of_the_processor_are_taken_as_cuda_takes_them(device):
    total = torch.ones(2, device=device) * torch.tensor(3.0)
    assert (total.device, total.tolist()) == (DEVICE, [3.0, 3.0])


def test_numpy_needs_a_copy(device):
    ones = torch.ones(2, device=device)
    with pytest.raises(TypeError, match=r"Use Tensor\.cpu\(\)"):
        ones.numpy()
    with pytest.raises(TypeError, match=r"Use Tensor\.cpu\(\)"):
        np.asarray(ones)
    assert ones.cpu().numpy().tolist() == [1.0, 1.0]


@pytest.mark.parametrize(
    "wait",
    [
        lambda ones: ones.sum().item(),
        lambda ones: bool(ones.all()),
        lambda ones: ones.cpu(),
        lambda ones: ones.nonzero(),
        lambda ones: ones[ones > 0],
        lambda ones: torch.ones(2).to(ones.device),
        lambda ones: torch.ones(2).copy_(ones),
    ],
)
def test_what_makes_the_processor_wait_raises_on_demand(wait):
    with stand_in_device() as device:
        ones = torch.ones(2, device=device)
        wait(ones)
    with stand_in_device(waits=False), pytest.raises(RuntimeError, match="makes the processor wait"):
        wait(ones)
