"""Differentiable augmentation at fixed strength (arXiv 2006.10738, section 4)."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from ganexp.augmentation.base import Augmentation, Draw, require_pictures
from ganexp.errors import UserError
from ganexp.numerics.gradients import promote_to_float32


class DiffAugment(Augmentation):
    """The transformations that ``policy`` lists, in this order: color, translation, cutout.

    Raises UserError for any other name.
    """

    def __init__(self, policy: Sequence[str] = ("color", "translation", "cutout")) -> None:
        super().__init__()
        unknown = [name for name in policy if name not in TRANSFORMATIONS]
        if unknown:
            raise UserError(f"augmentation.policy={list(policy)}: no {unknown[0]} among {', '.join(TRANSFORMATIONS)}")
        self.transformations = [TRANSFORMATIONS[name] for name in policy]

    def forward(self, images: Tensor, draw: Draw) -> Tensor:
        """Return the images (N, C, H, W), transformed; values may leave [-1, 1].

        Raises UserError unless images are grey or RGB and of more than one pixel.
        """
        require_pictures(images)
        shape = (len(self.transformations), 3)
        numbers = draw(len(images), lambda total, rng: torch.rand(total, *shape, generator=rng, device=rng.device))
        images = promote_to_float32(images)
        for transform, uniform in zip(self.transformations, numbers.unbind(1), strict=True):
            images = transform(images, uniform)
        return images


def color(images: Tensor, uniform: Tensor) -> Tensor:
    """Return images with random brightness, saturation and contrast, from uniform numbers (N, 3) in [0, 1)."""
    brightness, saturation, contrast = uniform[:, :, None, None, None].unbind(1)
    images = images + brightness - 0.5
    grey = images.mean(1, keepdim=True)
    images = grey + 2 * saturation * (images - grey)
    mean = images.mean((1, 2, 3), keepdim=True)
    return mean + (contrast + 0.5) * (images - mean)


def translation(images: Tensor, uniform: Tensor) -> Tensor:
    """Return images shifted by up to 1/8 of their sides, padded with 0, from uniform numbers (N, 3) in [0, 1)."""
    for dimension, number in ((2, uniform[:, 0]), (3, uniform[:, 1])):
        most = rounded(images.shape[dimension] / 8)
        images = moved(images, whole(number, -most, most), dimension)
    return images


def cutout(images: Tensor, uniform: Tensor) -> Tensor:
    """Return images with a random rectangle of half their sides set to 0, from uniform numbers (N, 3) in [0, 1)."""
    inside = torch.ones((), dtype=torch.bool, device=images.device)
    for dimension, number in ((2, uniform[:, 0]), (3, uniform[:, 1])):
        size = images.shape[dimension]
        length = rounded(size / 2)
        first = whole(number, 0, size - length % 2) - length // 2
        position = torch.arange(size, device=images.device)
        within = (position >= first[:, None]) & (position < first[:, None] + length)
        inside = inside & along(within, dimension)
    return images.masked_fill(inside, 0)


def moved(images: Tensor, by: Tensor, dimension: int) -> Tensor:
    """Return images (N, C, H, W) shifted by whole pixels (N,) along a dimension, padded with 0."""
    size = images.shape[dimension]
    source = torch.arange(size, device=images.device) - by[:, None]
    nearest = along(source.clamp(0, size - 1), dimension).expand_as(images)
    return images.gather(dimension, nearest) * along((source >= 0) & (source < size), dimension)


def along(values: Tensor, dimension: int) -> Tensor:
    """Return values (N, S) as (N, 1, S, 1) for dimension 2 or (N, 1, 1, S) for dimension 3."""
    return values[:, None, :, None] if dimension == 2 else values[:, None, None, :]


def whole(uniform: Tensor, least: int, most: int) -> Tensor:
    """Return uniform integers (N,) from least to most, inclusive, from uniform numbers (N,) in [0, 1)."""
    return least + (uniform * (most - least + 1)).long()


def rounded(value: float) -> int:
    """Return the nearest integer, halves rounded up."""
    return int(value + 0.5)


TRANSFORMATIONS: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "color": color,
    "translation": translation,
    "cutout": cutout,
}
