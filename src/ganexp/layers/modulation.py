"""Modulated convolutions, whose weights are scaled by a style for each image (arXiv 1912.04958, section 2.2)."""

import math

import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d, conv_transpose2d, leaky_relu, linear

from ganexp.layers.equalized import equalized
from ganexp.layers.resampling.fir import Filter
from ganexp.numerics.gradients import promote_to_float32

SLOPE = 0.2
EPSILON = 1e-8


def activated(values: Tensor) -> Tensor:
    """Return a leaky ReLU of values of any shape, times √2, which keeps the variance of symmetric ones."""
    return leaky_relu(values, SLOPE) * math.sqrt(2)


class ModulatedConv2d(nn.Module):
    """Maps (N, C, H, W) and styles (N, style) to maps (N, outputs, H, W), twice as high and wide with `doubling`.

    An affine layer of the style gives the scale of each input channel (eq. 1). With `demodulate` the weights of each
    output channel are divided by their norm (eq. 3), without it they are scaled as those of an equalized learning rate.
    Scales and norms are applied to the maps before and after the convolution, which is the same as to its weights.
    """

    def __init__(
        self, style: int, inputs: int, outputs: int, kernel: int = 3, doubling: bool = False, demodulate: bool = True
    ) -> None:
        super().__init__()
        self.affine = equalized(nn.Linear(style, inputs), gain=1.0, bias=1.0)
        self.weight = nn.Parameter(torch.randn(outputs, inputs, kernel, kernel))
        self.filter = Filter() if doubling else None
        self.demodulate = demodulate

    def forward(self, maps: Tensor, style: Tensor) -> Tensor:
        """Return maps of modulated convolutions from maps (N, C, H, W) and styles (N, style)."""
        scale = self.affine(style)
        if not self.demodulate:
            scale = scale / math.sqrt(self.weight[0].numel())
            return self._convolved(maps * scale[:, :, None, None])
        return self._convolved(maps * scale[:, :, None, None]) * self._inverse_norm(scale).to(maps.dtype)

    def _convolved(self, maps: Tensor) -> Tensor:
        if self.filter is None:
            return conv2d(maps, self.weight, padding=self.weight.shape[-1] // 2)
        doubled = conv_transpose2d(maps, self.weight.transpose(0, 1), stride=2)
        return self.filter.blurred(doubled, padding=1, gain=4.0)

    def _inverse_norm(self, scale: Tensor) -> Tensor:
        """Return one by the norm of the modulated weights of each output channel, (N, outputs, 1, 1)."""
        with torch.autocast(scale.device.type, enabled=False):
            squares = promote_to_float32(self.weight).square().sum((2, 3))
            norms = linear(promote_to_float32(scale).square(), squares)
            return (norms + EPSILON).rsqrt()[:, :, None, None]


class StyledConvolution(nn.Module):
    """A modulated 3x3 convolution, noise of a learned strength, a bias and a leaky ReLU (arXiv 1912.04958, figure 2d).

    Maps (N, C, H, W) become maps (N, outputs, H, W), or twice as high and wide with `doubling`.
    """

    def __init__(self, style: int, inputs: int, outputs: int, doubling: bool = False) -> None:
        super().__init__()
        self.convolution = ModulatedConv2d(style, inputs, outputs, doubling=doubling)
        self.noise_strength = nn.Parameter(torch.zeros(()))
        self.bias = nn.Parameter(torch.zeros(outputs))

    def forward(self, maps: Tensor, style: Tensor, noise: Tensor) -> Tensor:
        """Return maps from maps (N, C, H, W), styles (N, style) and noise (N, 1, H', W') of the output's size."""
        convolved = self.convolution(maps, style) + noise * self.noise_strength
        return activated(convolved + self.bias[:, None, None])


class ToImage(nn.Module):
    """A modulated 1x1 convolution without demodulation: maps (N, C, H, W) and styles to images (N, channels, H, W)."""

    def __init__(self, style: int, inputs: int, channels: int) -> None:
        super().__init__()
        self.convolution = ModulatedConv2d(style, inputs, channels, kernel=1, demodulate=False)
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, maps: Tensor, style: Tensor) -> Tensor:
        """Return images from maps (N, C, H, W) and styles (N, style)."""
        images: Tensor = self.convolution(maps, style) + self.bias[:, None, None]
        return images
