"""Resampling by a box filter: pixels repeated, or averaged, over squares."""

from torch import Tensor
from torch.nn.functional import avg_pool2d, interpolate


def repeated(maps: Tensor, factor: int = 2) -> Tensor:
    """Return maps (N, C, factor * H, factor * W) with every pixel of (N, C, H, W) repeated over a square."""
    return maps if factor == 1 else interpolate(maps, scale_factor=factor, mode="nearest")


def averaged(maps: Tensor, factor: int = 2) -> Tensor:
    """Return maps (N, C, H / factor, W / factor) of the means over squares of (N, C, H, W)."""
    return maps if factor == 1 else avg_pool2d(maps, factor)
