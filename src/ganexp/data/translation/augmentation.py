"""Random crops and horizontal flips for image-to-image translation (arXiv 1611.07004, section 6.2)."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from ganexp.image_size import ImageSize
from ganexp.numerics.randomness import derived_seed


class CropAndFlip:
    """Crops random parts of one size out of images and mirrors half of them.

    The draw is a function of (seed, purpose, the sample's position in the training sequence) alone.
    """

    def __init__(self, image_size: int | Sequence[int], flip: bool, seed: int) -> None:
        self.image_size = ImageSize.of(image_size)
        self.flip = flip
        self.seed = seed

    def __call__(self, images: Tensor, positions: Sequence[int], purpose: str) -> Tensor:
        """Return uint8 crops (B, C, H, W) of uint8 images that are as large as image_size = (H, W) or larger."""
        whole_size = size_of(images)
        if not self.changes(whole_size):
            return images
        height, width = self.image_size
        # NumPy on this thread is faster for small images than torch's parallel kernels.
        whole = images.numpy()
        crops = np.empty((*whole.shape[:2], height, width), dtype=whole.dtype)
        for number, position in enumerate(positions):
            top, left, mirrored = self._draw(purpose, position, whole_size)
            crop = whole[number, :, top : top + height, left : left + width]
            crops[number] = crop[:, :, ::-1] if mirrored else crop
        return torch.from_numpy(crops)

    def changes(self, size: ImageSize) -> bool:
        """Return whether images of this size are cropped or mirrored at all."""
        return size != self.image_size or self.flip

    def pixels(self, size: ImageSize, positions: Sequence[int], purpose: str) -> np.ndarray:
        """Return the rows, then the columns, int64 (B, H + W), of the crops that a call makes of such images."""
        height, width = self.image_size
        rows, columns = np.arange(height), np.arange(width)
        chosen = np.empty((len(positions), height + width), dtype=np.int64)
        for number, position in enumerate(positions):
            top, left, mirrored = self._draw(purpose, position, size)
            chosen[number, :height] = top + rows
            chosen[number, height:] = left + (columns[::-1] if mirrored else columns)
        return chosen

    def _draw(self, purpose: str, position: int, size: ImageSize) -> tuple[int, int, bool]:
        """Return the top, the left and whether to mirror: the digits of one random 63-bit number in a mixed radix."""
        rest, mirrored = divmod(derived_seed(self.seed, purpose, position), 2)
        rest, top = divmod(rest, size.height - self.image_size.height + 1)
        left = rest % (size.width - self.image_size.width + 1)
        return top, left, self.flip and bool(mirrored)


def center_crop(images: Tensor, image_size: int | Sequence[int]) -> Tensor:
    """Return the central parts (B, C, H, W), image_size = (H, W), of images that are as large or larger."""
    height, width = ImageSize.of(image_size)
    top, left = (images.shape[-2] - height) // 2, (images.shape[-1] - width) // 2
    return images[..., top : top + height, left : left + width]


def size_of(images: Tensor) -> ImageSize:
    """Return the size of images (B, C, H, W)."""
    return ImageSize(*images.shape[-2:])
