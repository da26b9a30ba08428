"""Model-free baselines of image translation."""

from collections.abc import Callable
from functools import partial

from torch import Tensor
from torch.nn.functional import avg_pool2d, interpolate


def smoothed(images: Tensor, block: int) -> Tensor:
    """Return images (N, C, H, W) in [-1, 1] downsampled to block means, then upsampled bicubically."""
    means = avg_pool2d(images, block, ceil_mode=True, count_include_pad=False)
    large = interpolate(means, scale_factor=block, mode="bicubic", align_corners=False)
    return large[..., : images.shape[2], : images.shape[3]].clamp(-1, 1)


def bicubic(block: int | None) -> Callable[[Tensor], Tensor] | None:
    """Return ``smoothed`` for mosaics with blocks of this side length, None if there are no blocks."""
    return None if block is None else partial(smoothed, block=block)
