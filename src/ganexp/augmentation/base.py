"""What all augmentations share: the discriminator sees real and fake images through the same distortions."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from ganexp.errors import UserError

Draw = Callable[[int, Callable[[int, torch.Generator], Tensor]], Tensor]
"""The n rows of this rank of what is drawn for the global batch; the same each time that it is called."""


class Augmentation(nn.Module):
    """A random, differentiable map of images (N, C, H, W) in [-1, 1] to images of the same shape."""

    def forward(self, images: Tensor, draw: Draw) -> Tensor:
        """Return the images (N, C, H, W), each distorted in its own way; ``draw`` is called once at most."""
        raise NotImplementedError("an augmentation says how images are distorted")

    def observe(self, real_logits: Tensor, images: int) -> None:
        """Learn from the logits of a global batch of so many real images; most augmentations do not."""


class NoAugmentation(Augmentation):
    """Images as they are."""

    def forward(self, images: Tensor, draw: Draw) -> Tensor:
        """Return the images themselves."""
        return images


def require_pictures(images: Tensor) -> None:
    """Raise UserError unless images (N, C, H, W) are grey or RGB and of more than one pixel."""
    channels, height, width = images.shape[1:]
    if channels not in (1, 3) or height * width == 1:
        raise UserError(
            f"augmentation needs grey or RGB pictures, not {channels} channels of {height} x {width} pixels; "
            "augmentation=none does without"
        )
