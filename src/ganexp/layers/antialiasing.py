"""Resampling of maps by fixed binomial filters (arXiv 1904.11486), as CUT's networks use it (arXiv 2007.15651)."""

from torch import Tensor, nn
from torch.nn.functional import interpolate

from ganexp.layers.padding import ReflectionPad2d
from ganexp.numerics import deterministic


class Downsampling(nn.Module):
    """Maps (N, C, H, W) to every second position of maps blurred by the weights 1, 2 and 1 along each axis.

    The result is (N, C, ceil(H / 2), ceil(W / 2)). Maps are mirrored at their edges, so H and W are at least 2.
    """

    def __init__(self) -> None:
        super().__init__()
        self.padding = ReflectionPad2d(1)

    def forward(self, maps: Tensor) -> Tensor:
        """Return maps of half the size."""
        return _halved_width(_halved_width(self.padding(maps)).mT).mT


class Upsampling(nn.Module):
    """Maps (N, C, H, W) to maps (N, C, 2H, 2W): the weights 1, 3, 3 and 1 along each axis, edges repeated."""

    def forward(self, maps: Tensor) -> Tensor:
        """Return maps of twice the size."""
        if deterministic.required(maps):
            return deterministic.doubled(maps)
        # These weights with repeated edges are those of bilinear interpolation.
        return interpolate(maps, scale_factor=2, mode="bilinear")


def _halved_width(padded: Tensor) -> Tensor:
    return 0.25 * (padded[..., :-2:2] + padded[..., 2::2]) + 0.5 * padded[..., 1:-1:2]
