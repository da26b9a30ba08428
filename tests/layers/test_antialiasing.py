"""Resampling by fixed binomial filters."""

import pytest
import torch
from torch.nn.functional import conv2d, pad

from ganexp.layers.antialiasing import Downsampling
from ganexp.layers.bilinear import Doubling
from ganexp.numerics import deterministic

RESAMPLINGS = pytest.mark.parametrize("resampling", [Downsampling, Doubling])


@RESAMPLINGS
@pytest.mark.parametrize("side", [2, 5, 8])
def test_a_constant_stays_constant(resampling, side):
    made = resampling()(torch.full((2, 3, side, side), 0.7))
    expected = (side + 1) // 2 if resampling is Downsampling else 2 * side
    torch.testing.assert_close(made, torch.full((2, 3, expected, expected), 0.7))


@pytest.mark.parametrize("side", [2, 8, 9])
def test_downsampling_is_a_mirrored_convolution_by_1_2_1(side):
    maps = torch.randn(2, 1, side, side)
    weights = torch.tensor([1.0, 2.0, 1.0]) / 4
    kernel = (weights[:, None] * weights)[None, None]
    expected = conv2d(pad(maps, (1, 1, 1, 1), mode="reflect"), kernel, stride=2)
    torch.testing.assert_close(Downsampling()(maps), expected)


def test_upsampling_spreads_a_point_by_the_weights_1_3_3_1():
    point = torch.zeros(1, 1, 5, 5)
    point[0, 0, 2, 2] = 1
    weights = torch.tensor([1.0, 3.0, 3.0, 1.0]) / 4
    torch.testing.assert_close(Doubling()(point)[0, 0, 3:7, 3:7], weights[:, None] * weights)
    assert Doubling()(point).sum().item() == pytest.approx(4)


@RESAMPLINGS
def test_the_form_for_deterministic_gpus_is_the_same_arithmetic(resampling, monkeypatch):
    maps = torch.randn(2, 3, 6, 7, dtype=torch.float64)
    expected = resampling()(maps)
    monkeypatch.setattr(deterministic, "required", lambda tensor: True)
    torch.testing.assert_close(resampling()(maps), expected)


@RESAMPLINGS
def test_it_can_be_differentiated_twice(resampling):
    maps = torch.randn(1, 1, 4, 4, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda given: resampling()(given).square(), maps)
    assert torch.autograd.gradgradcheck(lambda given: resampling()(given).square(), maps)
