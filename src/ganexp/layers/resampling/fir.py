"""Resampling of maps by the filter [1, 3, 3, 1] with zeros beyond the edges (upfirdn of arXiv 1912.04958)."""

import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d, conv_transpose2d

TAPS = (1.0, 3.0, 3.0, 1.0)


class Filter(nn.Module):
    """The filter as a convolution of every map by itself: maps (N, C, H, W) to maps of another size.

    Where maps are doubled, three quarters of the values that it sums are zeros, so its weights are 4 times as large.
    """

    kernel: Tensor

    def __init__(self) -> None:
        super().__init__()
        taps = torch.tensor(TAPS) / sum(TAPS)
        self.register_buffer("kernel", torch.outer(taps, taps)[None, None], persistent=False)

    def blurred(self, maps: Tensor, padding: int, gain: float = 1.0) -> Tensor:
        """Return maps (N, C, H + 2 padding - 3, W + 2 padding - 3), times the gain."""
        return conv2d(maps, self._weight(maps, gain), padding=padding, groups=maps.shape[1])

    def halved(self, maps: Tensor) -> Tensor:
        """Return maps (N, C, H / 2, W / 2) from maps (N, C, H, W) of even height and width."""
        return conv2d(maps, self._weight(maps), stride=2, padding=1, groups=maps.shape[1])

    def doubled(self, maps: Tensor) -> Tensor:
        """Return maps (N, C, 2H, 2W) from maps (N, C, H, W)."""
        return conv_transpose2d(maps, self._weight(maps, 4.0), stride=2, padding=1, groups=maps.shape[1])

    def _weight(self, maps: Tensor, gain: float = 1.0) -> Tensor:
        return (gain * self.kernel).expand(maps.shape[1], -1, -1, -1)


class HalvingConvolution(nn.Module):
    """A filter, then a convolution of stride 2: maps (N, C, H, W) to maps (N, outputs, H / 2, W / 2).

    ``convolution`` is a 3x3 or 1x1 convolution of stride 1 without padding, of which the weight and bias are used.
    """

    def __init__(self, convolution: nn.Conv2d) -> None:
        super().__init__()
        self.convolution = convolution
        self.filter = Filter()

    def forward(self, maps: Tensor) -> Tensor:
        """Return maps of half the size."""
        weight, bias = self.convolution.weight, self.convolution.bias
        if weight.shape[-1] == 1:
            return conv2d(self.filter.halved(maps), weight, bias)
        return conv2d(self.filter.blurred(maps, padding=2), weight, bias, stride=2)


class DoublingConvolution(nn.Module):
    """A 1x1 convolution, then the filter: maps (N, C, H, W) to maps (N, outputs, 2H, 2W)."""

    def __init__(self, convolution: nn.Conv2d) -> None:
        super().__init__()
        self.convolution = convolution
        self.filter = Filter()

    def forward(self, maps: Tensor) -> Tensor:
        """Return maps of twice the size."""
        return self.filter.doubled(self.convolution(maps))
