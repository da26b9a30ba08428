"""The Laplacian pyramid: images as a coarse version and the details that each doubling adds (arXiv 1506.05751, 2.2)."""

from collections.abc import Sequence

from torch import Tensor

from ganexp.image_size import ImageSize
from ganexp.layers.bilinear import Doubling, Halving
from ganexp.layers.resolution import first_map

HALVE, DOUBLE = Halving(), Doubling()


def pyramid_sizes(image_size: int | Sequence[int], coarsest: Sequence[int]) -> list[ImageSize]:
    """Return the sizes of a pyramid's images, from the coarsest, whose shorter side is one of some, to the image's.

    Raises ValueError for an image size that is not one of these doubled once or more.
    """
    start, steps = first_map(image_size, coarsest)
    return [ImageSize(start.height * 2**step, start.width * 2**step) for step in range(steps + 1)]


def halved(images: Tensor) -> Tensor:
    """Return images (N, C, H / 2, W / 2) blurred and decimated from (N, C, H, W): the operator d of the paper."""
    output: Tensor = HALVE(images)
    return output


def doubled(images: Tensor) -> Tensor:
    """Return images (N, C, 2H, 2W) expanded and smoothed from (N, C, H, W): the operator u of the paper."""
    output: Tensor = DOUBLE(images)
    return output


def gaussian_pyramid(images: Tensor, levels: int) -> list[Tensor]:
    """Return the images at some levels, from the coarsest to themselves; the number of levels is 1 or more."""
    pyramid = [images]
    for _ in range(levels - 1):
        pyramid.append(halved(pyramid[-1]))
    return pyramid[::-1]
