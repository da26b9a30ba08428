"""Augmentation interface: the discriminator sees real and fake images through the same random transformations."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from ganexp.errors import UserError

Draw = Callable[[int, Callable[[int, torch.Generator], Tensor]], Tensor]
"""Draws random numbers for the global batch and returns this rank's n rows; every call returns the same ones."""

Scalar = Callable[[str, Callable[[float], float]], float | Tensor]
"""Returns the value of a function of progress in [0, 1] at the game's progress; the name tells such values apart."""


class Augmentation(nn.Module):
    """A random, differentiable map of images (N, C, H, W) in [-1, 1] to images of the same shape."""

    def forward(self, images: Tensor, draw: Draw) -> Tensor:
        """Return the images (N, C, H, W), transformed independently of one another; calls ``draw`` at most once."""
        raise NotImplementedError("an augmentation must implement forward")

    def with_pseudo_labels(self, real: Tensor, pseudo_real: Callable[[], Tensor], draw: Draw) -> Tensor:
        """Return the images (N, C, H, W) that the discriminator is to take for real: by default the real ones.

        ``pseudo_real`` makes fake images of the same shape and conditions, without gradients.
        """
        return real

    def follow(self, scalar: Scalar) -> None:
        """Set what follows a schedule, before the images of a turn are augmented; does nothing by default."""

    def observe(self, real_logits: Tensor, images: int, parts: int = 1) -> None:
        """Adapt to the logits of one of ``parts`` parts of a global batch, of ``images`` real images.

        Does nothing by default.
        """


class NoAugmentation(Augmentation):
    """The identity."""

    def forward(self, images: Tensor, draw: Draw) -> Tensor:
        """Return the images unchanged."""
        return images


def require_pictures(images: Tensor) -> None:
    """Raise UserError unless images (N, C, H, W) are grey or RGB and of more than one pixel."""
    channels, height, width = images.shape[1:]
    if channels not in (1, 3) or height * width == 1:
        raise UserError(
            f"augmentation needs grey or RGB pictures, not {channels} channels of {height} x {width} pixels; "
            "set augmentation=none to train without"
        )
