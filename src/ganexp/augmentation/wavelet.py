"""Geometric transformations at twice the size, between the filters of a wavelet (arXiv 2006.06676, appendix B)."""

import torch
from torch import Tensor
from torch.nn.functional import conv1d, conv_transpose1d

from ganexp.augmentation.transformations import is_identity, sampling_grid
from ganexp.numerics.deterministic import reflection_padded
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
    doubled = _transformed(images, _doubling(images, height), _doubling(images, width))
    grid = sampling_grid(doubled, _at_twice_the_size(geometry), [2 * (side + 2 * MARGIN) for side in (height, width)])
    sampled = bilinear_samples(doubled, grid, "zeros")
    sampled = _transformed(sampled, _halving(images, height), _halving(images, width))
    return torch.where(is_identity(geometry), images, sampled)


def _at_twice_the_size(geometry: Tensor) -> Tensor:
    """Return matrices (N, 3, 3) between positions in pixels of half the size, by half of which the filter delays."""
    doubled = geometry.clone()
    doubled[:, :2, 2] = 2 * geometry[:, :2, 2] + (geometry[:, :2, :2].sum(2) - 1) / 2
    return doubled


def _transformed(images: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
    """Return images (N, C, h, w) of images (N, C, H, W) by matrices (H, h) and (W, w).

    A product of matrices takes a tenth of the time that a convolution by the filter takes on a processor.
    """
    return rows.T @ (images @ columns)


def _doubling(images: Tensor, size: int) -> Tensor:
    """Return the matrix (size, 2 (3 size - 2)) that pads one axis by reflection and doubles it."""
    impulses = torch.eye(size, dtype=images.dtype, device=images.device)
    padded = reflection_padded(impulses, size - 1, size - 1, 0, 0)
    return conv_transpose1d(padded[:, None], 2 * _taps(images), stride=2, padding=len(SYM6) // 2 - 1)[:, 0]


def _halving(images: Tensor, size: int) -> Tensor:
    """Return the matrix (2 (size + 2 MARGIN), size) that halves one axis, of whose margins one pixel is not used."""
    impulses = torch.eye(2 * (size + 2 * MARGIN), dtype=images.dtype, device=images.device)
    return conv1d(impulses[:, None, 1:-1], _taps(images), stride=2)[:, 0]


def _taps(images: Tensor) -> Tensor:
    # Filled on the device: a copy of a list from the processor would make it wait.
    taps = torch.cat([images.new_full((1,), tap) for tap in SYM6])
    return (taps / taps.sum())[None, None]
