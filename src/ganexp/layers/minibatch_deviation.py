"""Minibatch standard deviation: a discriminator's view of how much images differ (arXiv 1710.10196, section 3)."""

import torch
from torch import Tensor, nn

from ganexp.layers.checks import require_positive
from ganexp.numerics.gradients import promote_to_float32

EPSILON = 1e-8
"""Added to the variance, whose root has no derivative at 0."""


class MinibatchDeviation(nn.Module):
    """Appends maps with the mean standard deviation over a group of images: (N, C, H, W) to (N, C + features, H, W).

    Groups are `group` consecutive images, or the largest number below it that divides N: 4 in the authors' code
    (tkarras/progressive_growing_of_gans networks.py, whose groups are every (N / 4)-th image), while the paper takes
    the whole batch. As they are consecutive, ranks and parts of an accumulated batch have the groups of the whole
    batch, if their sizes are multiples of `group`. The channels are split into `features` equal parts, each of which
    gets a map of its own (NVlabs/stylegan2 training/networks_stylegan2.py). Deviations are computed in float32 or
    better. Raises ValueError for numbers below 1; calling it raises RuntimeError for channels that `features` does not
    divide.
    """

    def __init__(self, group: int = 4, features: int = 1) -> None:
        super().__init__()
        require_positive(group=group, features=features)
        self.group = group
        self.features = features

    def forward(self, maps: Tensor) -> Tensor:
        """Return the maps (N, C, H, W) with `features` more channels, constant over each group and all positions."""
        n, channels, height, width = maps.shape
        group = group_size(n, self.group)
        grouped = promote_to_float32(maps).reshape(
            n // group, group, self.features, channels // self.features, height, width
        )
        centred = grouped - grouped.mean(1, keepdim=True)
        deviation = (centred.square().mean(1) + EPSILON).sqrt().mean((2, 3, 4))
        planes = deviation.to(maps.dtype).repeat_interleave(group, 0, output_size=n)[:, :, None, None]
        return torch.cat([maps, planes.expand(-1, -1, height, width)], 1)


def group_size(n: int, largest: int) -> int:
    """Return the largest divisor of n that is at most a number."""
    return next(size for size in range(min(largest, n), 0, -1) if n % size == 0)
