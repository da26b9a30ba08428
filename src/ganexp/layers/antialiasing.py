"""Downsampling of maps by a fixed binomial filter (arXiv 1904.11486), as CUT's networks use it (arXiv 2007.15651)."""

from torch import Tensor, nn

from ganexp.layers.padding import ReflectionPad2d


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


def _halved_width(padded: Tensor) -> Tensor:
    return 0.25 * (padded[..., :-2:2] + padded[..., 2::2]) + 0.5 * padded[..., 1:-1:2]
