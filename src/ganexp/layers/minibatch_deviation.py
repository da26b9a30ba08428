"""Minibatch standard deviation: a discriminator's view of how much images differ (arXiv 1710.10196, section 3)."""

import torch
from torch import Tensor, nn

from ganexp.layers.checks import require_positive
from ganexp.numerics.gradients import promote_to_float32

EPSILON = 1e-8
"""Added to the variance, whose root has no derivative at 0."""


class MinibatchDeviation(nn.Module):
    """Appends maps with the mean standard deviation over a group of images: (N, C, H, W) to (N, C + features, H, W).

    Groups are `group` consecutive images, and the last one those that are left: 4 in the authors' code
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
        parts = promote_to_float32(maps).unflatten(1, (self.features, -1))
        # An exporter's batch may have any size, which a choice between the two would fix.
        is_traced = torch.compiler.is_compiling()
        variance = self._of_any_size(parts) if is_traced or len(maps) % self.group else self._of_whole_groups(parts)
        planes = (variance + EPSILON).sqrt().mean((2, 3, 4)).to(maps.dtype)
        return torch.cat([maps, planes[:, :, None, None].expand(-1, -1, *maps.shape[2:])], 1)

    def _of_whole_groups(self, parts: Tensor) -> Tensor:
        """Return the variances (N, F, C / F, H, W) within the groups, all of which are whole."""
        grouped = parts.unflatten(0, (-1, self.group))
        variances: Tensor = grouped.var(1, correction=0)
        return variances.repeat_interleave(self.group, 0, output_size=len(parts))

    def _of_any_size(self, parts: Tensor) -> Tensor:
        """Return the same for any number of images: each image is beside all of its group."""
        place = torch.arange(parts.shape[0], device=parts.device)
        members = (place - place % self.group)[:, None] + torch.arange(self.group, device=parts.device)
        is_there = (members < parts.shape[0]).to(parts)[:, :, None, None, None, None]
        grouped = parts[members.clamp(max=parts.shape[0] - 1)]
        count = is_there.sum(1, keepdim=True)
        centred = (grouped - (grouped * is_there).sum(1, keepdim=True) / count) * is_there
        variances: Tensor = centred.square().sum(1) / count[:, 0]
        return variances
