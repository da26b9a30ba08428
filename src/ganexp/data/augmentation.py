"""The augmentation of image-to-image translation: a random crop and a random flip."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from ganexp.numerics.randomness import derived_seed


class CropAndFlip:
    """Cuts random squares out of images and mirrors half of them, as arXiv 1611.07004, section 6.2, does.

    What is drawn depends on (seed, purpose, the sample's position in the sequence) alone.
    """

    def __init__(self, image_size: int, flip: bool, seed: int) -> None:
        self.image_size = image_size
        self.flip = flip
        self.seed = seed

    def __call__(self, images: Tensor, positions: Sequence[int], purpose: str) -> Tensor:
        """Return uint8 (B, C, S, S) of uint8 images (B, C, L, L), L >= S = image_size."""
        margin = images.shape[-1] - self.image_size
        if margin == 0 and not self.flip:
            return images
        # On NumPy's views and this thread alone: quicker for small images than torch's parallel kernels.
        whole = images.numpy()
        cut = np.empty((*whole.shape[:2], self.image_size, self.image_size), dtype=whole.dtype)
        for number, position in enumerate(positions):
            top, left, mirrored = self._drawn(purpose, position, margin)
            square = whole[number, :, top : top + self.image_size, left : left + self.image_size]
            cut[number] = square[:, :, ::-1] if mirrored else square
        return torch.from_numpy(cut)

    def _drawn(self, purpose: str, position: int, margin: int) -> tuple[int, int, bool]:
        """Return the top, the left and whether to mirror: digits of one random number of 63 bits."""
        rest, mirrored = divmod(derived_seed(self.seed, purpose, position), 2)
        rest, top = divmod(rest, margin + 1)
        return top, rest % (margin + 1), self.flip and bool(mirrored)


def centre(images: Tensor, image_size: int) -> Tensor:
    """Return the middle squares (B, C, S, S) of images (B, C, L, L), L >= S = image_size."""
    first = (images.shape[-1] - image_size) // 2
    return images[..., first : first + image_size, first : first + image_size]
