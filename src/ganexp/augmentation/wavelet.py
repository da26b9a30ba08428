"""Geometric transformations at twice the resolution, between the filters of a wavelet (arXiv 2006.06676, appendix B)."""

import torch
from torch import Tensor
from torch.nn.functional import conv2d, conv_transpose2d

from ganexp.augmentation.transformations import is_identity, sampling_grid
from ganexp.numerics import deterministic
from ganexp.numerics.grid_sampling import bilinear_samples

SYM6 = (
    0.015404109327027373,
    0.0034907120842174702,
    -0.11799011114819057,
    -0.048311742585633,
    0.4910559419267466,
    0.787641141030194,
    0.3379294217276218,
    -0.07263752278646252,
    -0.021060292512300564,
    0.04472490177066578,
    0.0017677118642428036,
    -0.007800708325034148,
)
"""The low-pass filter of Daubechies' least asymmetric wavelet of 12 taps, of sum sqrt(2)."""
MARGIN = len(SYM6) // 4
"""Pixels beyond an image that its filters reach."""


def wavelet_resampled(images: Tensor, geometry: Tensor) -> Tensor:
    """Return images (N, C, H, W) sampled at positions mapped by matrices (N, 3, 3) without aliasing.

    Images are padded by reflection, doubled by the filter, sampled bilinearly and halved by the mirrored filter, as in
    the authors' code. There the padding is as wide as the batch needs; here it is always the widest, an image's side
    less one pixel, so that an image does not depend on the others. An identity matrix leaves its image exactly
    unchanged.
    """
    height, width = images.shape[2:]
    right, below = width - 1, height - 1
    doubled = _doubled(deterministic.reflection_padded(images, right, right, below, below))
    grid = sampling_grid(doubled, _at_twice_the_size(geometry), [2 * (side + 2 * MARGIN) for side in (height, width)])
    sampled = _halved(bilinear_samples(doubled, grid, "zeros"))
    return torch.where(is_identity(geometry), images, sampled)


def _at_twice_the_size(geometry: Tensor) -> Tensor:
    """Return matrices (N, 3, 3) between positions in pixels of half the size.

    The filter delays by half of such a pixel.
    """
    doubled = geometry.clone()
    doubled[:, :2, 2] = 2 * geometry[:, :2, 2] + (geometry[:, :2, :2].sum(2) - 1) / 2
    return doubled


def _doubled(images: Tensor) -> Tensor:
    taps, shape = _taps(images) * 2, images.shape
    images = images.flatten(0, 1)[:, None]
    images = conv_transpose2d(images, taps[None, None, None], stride=(1, 2), padding=(0, len(SYM6) // 2 - 1))
    images = conv_transpose2d(images, taps[None, None, :, None], stride=(2, 1), padding=(len(SYM6) // 2 - 1, 0))
    return images.view(*shape[:2], *images.shape[2:])


def _halved(images: Tensor) -> Tensor:
    # Two margins are on each side, of which the filter uses all but one pixel.
    taps, shape = _taps(images), images.shape
    images = images.flatten(0, 1)[:, None, 1:-1, 1:-1]
    images = conv2d(images, taps[None, None, None], stride=(1, 2))
    images = conv2d(images, taps[None, None, :, None], stride=(2, 1))
    return images.view(*shape[:2], *images.shape[2:])


def _taps(images: Tensor) -> Tensor:
    # Filled on the device: a copy of a list from the processor would make it wait.
    taps = torch.cat([images.new_full((1,), tap) for tap in SYM6])
    return taps / taps.sum()
