"""Measured properties of light strokes on a dark background, such as digits."""

import torch
from torch import Tensor
from torch.nn.functional import pad


def stroke_width(images: Tensor) -> Tensor:
    """Return the mean width (N,) of the strokes in pixels, of images (N, C, H, W) in [-1, 1]; 0 for dark images.

    The edge of a long stroke is twice its length, so that width = area / length = 2 area / edge, with the total
    variation as the length of the edge.
    """
    light = ink(images)
    down = pad(light, (1, 0, 1, 1)).diff(dim=1)
    right = pad(light, (1, 1, 1, 0)).diff(dim=2)
    edge = (down.square() + right.square()).sqrt().sum((1, 2))
    return 2 * light.sum((1, 2)) / edge.clamp_min(1e-6)


def slant(images: Tensor) -> Tensor:
    """Return the slant (N,) of images (N, C, H, W) in [-1, 1]: the tangent of the angle to the right of upright.

    It is the shear from second-order image moments, as used for deskewing: shearing images by s adds s to it. 0 for
    dark images.
    """
    light = ink(images)
    height, width = light.shape[1:]
    down, right = torch.arange(height, dtype=light.dtype)[:, None], torch.arange(width, dtype=light.dtype)
    mass = light.sum((1, 2)).clamp_min(1e-6)
    down = down - ((light * down).sum((1, 2)) / mass)[:, None, None]
    right = right - ((light * right).sum((1, 2)) / mass)[:, None, None]
    return -(light * down * right).sum((1, 2)) / (light * down.square()).sum((1, 2)).clamp_min(1e-6)


def ink(images: Tensor) -> Tensor:
    """Return the lightness (N, H, W) in [0, 1], float64, of images (N, C, H, W) in [-1, 1]."""
    return (images.double().mean(1) + 1) / 2
