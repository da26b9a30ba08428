"""Resampling by the filter [1, 3, 3, 1] against its definition: zeros inserted and around, and a sum of products."""

import pytest
import torch
from torch import nn
from torch.nn.functional import conv2d, pad

from ganexp.layers.resampling.fir import DoublingConvolution, Filter, HalvingConvolution

KERNEL = torch.outer(torch.tensor([1.0, 3, 3, 1]), torch.tensor([1.0, 3, 3, 1])).double() / 64


def maps_of(*shape):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def resampled(maps, before, after, up=1, down=1, gain=1.0):
    """Return maps with zeros inserted and added at the edges, filtered, of which every ``down``-th value is kept."""
    n, channels, height, width = maps.shape
    spread = maps.new_zeros(n, channels, up * height, up * width)
    spread[:, :, ::up, ::up] = maps
    filtered = conv2d(pad(spread, (before, after, before, after)).flatten(0, 1)[:, None], gain * KERNEL[None, None])
    return filtered.unflatten(0, (n, channels))[:, :, 0, ::down, ::down]


@pytest.mark.parametrize(
    ("operation", "expected"),
    [
        (lambda f, x: f.blurred(x, padding=2), lambda x: resampled(x, 2, 2)),
        (lambda f, x: f.blurred(x, padding=1, gain=4.0), lambda x: resampled(x, 1, 1, gain=4.0)),
        (lambda f, x: f.halved(x), lambda x: resampled(x, 1, 1, down=2)),
        (lambda f, x: f.doubled(x), lambda x: resampled(x, 2, 1, up=2, gain=4.0)),
    ],
    ids=["blurred", "blurred with a gain", "halved", "doubled"],
)
def test_each_operation_is_the_one_of_its_definition(operation, expected):
    maps = maps_of(2, 3, 6, 4)
    assert torch.allclose(operation(Filter().double(), maps), expected(maps), atol=1e-12)


def test_doubling_and_halving_keep_the_mean_of_a_constant_away_from_the_edges():
    ones = torch.ones(1, 1, 8, 8)
    assert torch.allclose(Filter().doubled(ones)[..., 2:-2, 2:-2], torch.ones(1))
    assert torch.allclose(Filter().halved(ones)[..., 1:-1, 1:-1], torch.ones(1))


@pytest.mark.parametrize("size", [1, 3])
def test_a_halving_convolution_is_the_filter_and_a_convolution_of_which_every_second_value_is_kept(size):
    convolution = nn.Conv2d(3, 5, size).double()
    maps = maps_of(2, 3, 6, 6)
    blurred = resampled(maps, 1 + size // 2, 1 + size // 2)
    expected = conv2d(blurred, convolution.weight, convolution.bias)[:, :, ::2, ::2]
    assert torch.allclose(HalvingConvolution(convolution).double()(maps), expected, atol=1e-12)


def test_a_doubling_convolution_may_filter_before_or_after():
    convolution = nn.Conv2d(3, 5, 1, bias=False).double()
    maps = maps_of(2, 3, 4, 4)
    expected = convolution(resampled(maps, 2, 1, up=2, gain=4.0))
    assert torch.allclose(DoublingConvolution(convolution).double()(maps), expected, atol=1e-12)
