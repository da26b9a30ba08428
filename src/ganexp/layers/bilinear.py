"""Bilinear resampling of maps by a factor of 2, by the filter [1, 3, 3, 1] with repeated or zero edges."""

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate

from ganexp.numerics import deterministic
from ganexp.numerics.gradients import promote_to_float32


class Doubling(nn.Module):
    """Maps to maps of twice the size, bilinearly: the weights 1, 3, 3 and 1 along each axis, edges repeated."""

    def forward(self, maps: Tensor) -> Tensor:
        """Return maps (N, C, 2H, 2W) from maps (N, C, H, W)."""
        if deterministic.required(maps):
            return deterministic.doubled(maps)
        return interpolate(maps, scale_factor=2, mode="bilinear")


class Halving(nn.Module):
    """Maps to maps of half the size, by bilinear interpolation: weights 1, 3, 3 and 1 along each axis."""

    def forward(self, maps: Tensor) -> Tensor:
        """Return maps (N, C, H / 2, W / 2) from maps (N, C, H, W)."""
        if deterministic.required(maps):
            return deterministic.halved(maps)
        # The processor has no kernel for half precision.
        supported = promote_to_float32(maps) if maps.device.type == "cpu" else maps
        return interpolate(supported, scale_factor=0.5, mode="bilinear", antialias=True).to(maps.dtype)


class ZeroPaddedDoubling(Doubling):
    """Maps to maps of twice the size, bilinearly, with zeros beyond the edges (resampling of arXiv 2501.05441)."""

    def forward(self, maps: Tensor) -> Tensor:
        """Return maps (N, C, 2H, 2W) from maps (N, C, H, W)."""
        # At an edge the neighbour outside has weight 1/4, whether it repeats the edge or is zero.
        return with_edges_scaled(super().forward(maps), 3 / 4)


class ZeroPaddedHalving(Halving):
    """Maps to maps of half the size: weights 1, 3, 3 and 1, with zeros beyond the edges (as of arXiv 2501.05441)."""

    def forward(self, maps: Tensor) -> Tensor:
        """Return maps (N, C, H / 2, W / 2) from maps (N, C, H, W)."""
        # At an edge interpolation divides by the weights inside, 7 of 8.
        return with_edges_scaled(super().forward(maps), 7 / 8)


def with_edges_scaled(maps: Tensor, factor: float) -> Tensor:
    """Return maps (N, C, H, W) of which the outermost rows and columns are multiplied by a factor."""
    rows, columns = (_edge_factors(maps, size, factor) for size in maps.shape[2:])
    return maps * (rows[:, None] * columns)


def _edge_factors(maps: Tensor, size: int, factor: float) -> Tensor:
    factors = torch.ones(size, dtype=maps.dtype, device=maps.device)
    for edge in (factors[:1], factors[-1:]):
        edge.fill_(factor)
    return factors
