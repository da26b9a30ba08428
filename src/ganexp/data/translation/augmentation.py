"""Random crops and horizontal flips for image-to-image translation (arXiv 1611.07004, section 6.2)."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from ganexp.numerics.randomness import derived_seed


class CropAndFlip:
    """Crops random squares out of images and mirrors half of them.

    The draw is a function of (seed, purpose, the sample's position in the training sequence) alone.
    """

    def __init__(self, image_size: int, flip: bool, seed: int) -> None:
        self.image_size = image_size
        self.flip = flip
        self.seed = seed

    def __call__(self, images: Tensor, positions: Sequence[int], purpose: str) -> Tensor:
        """Return uint8 crops (B, C, S, S) of uint8 images (B, C, L, L), L >= S = image_size."""
        if not self.changes(images.shape[-1]):
            return images
        margin = images.shape[-1] - self.image_size
        # NumPy on this thread is faster for small images than torch's parallel kernels.
        whole = images.numpy()
        crops = np.empty((*whole.shape[:2], self.image_size, self.image_size), dtype=whole.dtype)
        for number, position in enumerate(positions):
            top, left, mirrored = self._draw(purpose, position, margin)
            crop = whole[number, :, top : top + self.image_size, left : left + self.image_size]
            crops[number] = crop[:, :, ::-1] if mirrored else crop
        return torch.from_numpy(crops)

    def changes(self, side: int) -> bool:
        """Return whether images of this side are cropped or mirrored at all."""
        return side > self.image_size or self.flip

    def pixels(self, side: int, positions: Sequence[int], purpose: str) -> np.ndarray:
        """Return the rows and columns, int64 (B, 2, S), of the crops that a call makes of images of this side."""
        line = np.arange(self.image_size)
        chosen = np.empty((len(positions), 2, self.image_size), dtype=np.int64)
        for number, position in enumerate(positions):
            top, left, mirrored = self._draw(purpose, position, side - self.image_size)
            chosen[number] = top + line, left + (line[::-1] if mirrored else line)
        return chosen

    def _draw(self, purpose: str, position: int, margin: int) -> tuple[int, int, bool]:
        """Return the top, the left and whether to mirror: the digits of one random 63-bit number in a mixed radix."""
        rest, mirrored = divmod(derived_seed(self.seed, purpose, position), 2)
        rest, top = divmod(rest, margin + 1)
        return top, rest % (margin + 1), self.flip and bool(mirrored)


def center_crop(images: Tensor, image_size: int) -> Tensor:
    """Return the central squares (B, C, S, S) of images (B, C, L, L), L >= S = image_size."""
    first = (images.shape[-1] - image_size) // 2
    return images[..., first : first + image_size, first : first + image_size]
