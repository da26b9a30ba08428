"""Random blits, geometric and colour transformations and cutout, with a probability that may change in training."""

from collections.abc import Callable

import torch
from torch import Tensor

from ganexp.augmentation.base import Augmentation, Draw, require_pictures
from ganexp.augmentation.multipliers import Multipliers
from ganexp.augmentation.transformations import (
    Numbers,
    random_colours,
    random_cutouts,
    random_geometry,
    recoloured,
    resampled,
    with_cutouts,
)
from ganexp.numerics.gradients import promote_to_float32
from ganexp.partials import plain

Resample = Callable[[Tensor, Tensor], Tensor]
"""From images (N, C, H, W) and matrices (N, 3, 3) to images: `resampled` or `wavelet_resampled`."""


class ProbabilisticAugmentation(Augmentation):
    """Flips, rotations, scaling, translations, colour changes and cutout, each with probability p times its multiplier.

    The transformations are those of arXiv 2006.06676, appendix B, without its frequency bands and noise. p is a buffer
    that a subclass changes.
    """

    p: Tensor

    def __init__(self, p: float, multipliers: Multipliers | None = None, resample: Resample = resampled) -> None:
        super().__init__()
        self.multipliers = multipliers or Multipliers()
        self.resample = plain(resample)
        self.register_buffer("p", torch.tensor(float(p)))

    def forward(self, images: Tensor, draw: Draw) -> Tensor:
        """Return the images (N, C, H, W), transformed; values may leave [-1, 1].

        Raises UserError unless images are grey or RGB and of more than one pixel.
        """
        require_pictures(images)
        height, width = images.shape[2:]
        has_cutout = self.multipliers.cutout > 0

        def transformations(total: int, rng: torch.Generator) -> Tensor:
            numbers = Numbers(total, rng)
            drawn = [
                random_geometry(numbers, self.p, height, width, self.multipliers).flatten(1),
                random_colours(numbers, self.p, self.multipliers).flatten(1),
            ]
            if has_cutout:
                drawn.append(random_cutouts(numbers, self.p, self.multipliers))
            return torch.cat(drawn, dim=1)

        # In half precision sampling positions would be off by whole pixels.
        with torch.autocast(images.device.type, enabled=False):
            geometry, colours, *cutouts = draw(len(images), transformations).split([9, 16, 3][: 2 + has_cutout], dim=1)
            images = self.resample(promote_to_float32(images), geometry.unflatten(1, (3, 3)))
            images = recoloured(images, colours.unflatten(1, (4, 4)))
            return with_cutouts(images, *cutouts) if has_cutout else images
