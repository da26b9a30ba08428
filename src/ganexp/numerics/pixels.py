"""Pixels of 8 bits, as images are saved and scored."""

import torch
from torch import Tensor


def quantized(images: Tensor) -> Tensor:
    """Map images in [-1, 1] to uint8 by that fixed range, without normalising to their minimum and maximum."""
    return images.float().add(1).mul(127.5).round().clamp(0, 255).to(torch.uint8)


def are_points(samples: Tensor) -> bool:
    """Return whether samples (N, C, H, W) are points of the plane, stored as images of one pixel."""
    return samples.shape[2:] == (1, 1)


def eight_bits(images: Tensor) -> Tensor:
    """Return images (N, C, H, W), float in [-1, 1] or uint8, as uint8; points are unchanged."""
    return images if images.dtype == torch.uint8 or are_points(images) else quantized(images)
