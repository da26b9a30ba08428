"""Positions of landmarks from planes that show one landmark each."""

import torch
from torch import Tensor

from ganexp.numerics.gradients import promote_to_float32

LEAST_MASS = 1e-3


def positions(planes: Tensor) -> Tensor:
    """Return the landmarks (N, K, 2), (x, y) in [-1, 1], of planes (N, K, H, W) in [-1, 1]: their centres of mass.

    -1 and 1 are the edges of the picture. The landmark of an empty plane is at the centre. In float32 or better.
    """
    mass = (promote_to_float32(planes) + 1) / 2
    total = mass.sum((2, 3)).clamp_min(LEAST_MASS)
    x, y = (centres(planes.shape[dim], mass) for dim in (3, 2))
    across, down = (mass.sum(2) * x).sum(2), (mass.sum(3) * y).sum(2)
    return torch.stack([across / total, down / total], 2)


def centres(number: int, like: Tensor) -> Tensor:
    """Return the centres (number,) of pixels along a side from -1 to 1, in the type and on the device of a tensor."""
    return (2 * torch.arange(number, device=like.device, dtype=like.dtype) + 1) / number - 1
