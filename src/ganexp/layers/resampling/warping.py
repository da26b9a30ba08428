"""Bilinear warping of images by a field of offsets."""

import torch
from torch import Tensor
from torch.nn.functional import grid_sample

from ganexp.layers.landmarks import centres
from ganexp.numerics import deterministic


def warped(images: Tensor, offsets: Tensor) -> Tensor:
    """Return images (N, C, H, W) read at each pixel's place plus its offset (N, 2, H, W), (x, y).

    The picture spans -1 to 1, beyond which it is mirrored. Offsets of zero return the images. Differentiable in both.
    """
    height, width = offsets.shape[2:]
    x, y = centres(width, offsets), centres(height, offsets)
    grid = torch.stack([offsets[:, 0] + x, offsets[:, 1] + y[:, None]], 3)
    if deterministic.required(images):
        return deterministic.bilinear_samples(images, grid, "reflection")
    return grid_sample(images, grid.to(images.dtype), mode="bilinear", padding_mode="reflection", align_corners=False)
