"""What is done to images so that a model can learn to undo it: pure functions of uint8 images.

They run in the loader, mostly on NumPy: torch's parallel kernels wait for processors that other programs keep busy.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from ganexp.errors import UserError

Degradation = Callable[[Tensor], Tensor]
"""From uint8 (B, C, H, W) to the degraded images, of the same shape and type."""

# ITU-R BT.601, as Pillow and JPEG have it.
BRIGHTNESS = (0.299, 0.587, 0.114)
WHOLE = (0.0, 0.0, 1.0, 1.0)


@dataclass(frozen=True)
class Nothing:
    """Leaves images as they are."""

    def __call__(self, images: Tensor) -> Tensor:
        """Return the images."""
        return images


@dataclass(frozen=True)
class Mosaic:
    """Pixelates: each block of ``block`` x ``block`` pixels becomes its mean.

    ``box`` (left, top, right, bottom, as fractions of the sides) limits it to a part; blocks are counted from the
    part's corner, and those at its right and lower edge may be smaller. Raises UserError if block is below 2 or the
    box is none.
    """

    block: int = 4
    box: Sequence[float] = WHOLE

    def __post_init__(self) -> None:
        if self.block < 2:
            raise UserError(f"data.degradation.block={self.block}: blocks of a mosaic have 2 pixels or more.")
        require_box(self.box)

    def __call__(self, images: Tensor) -> Tensor:
        """Return the mosaic."""
        rows, columns = part_of(images, self.box)
        part = images[..., rows, columns].numpy()
        firsts = [np.arange(0, side, self.block) for side in part.shape[-2:]]
        sides = [np.diff(first, append=side) for first, side in zip(firsts, part.shape[-2:], strict=True)]
        sums = np.add.reduceat(np.add.reduceat(part, firsts[0], -2, dtype=np.float32), firsts[1], -1)
        means = as_bytes(sums / np.outer(*sides))
        return with_part(images, rows, columns, torch.from_numpy(means.repeat(sides[0], -2).repeat(sides[1], -1)))


@dataclass(frozen=True)
class Gray:
    """Takes the colour away: each channel becomes the brightness (ITU-R BT.601).

    Raises UserError for images of one channel, which have no colour.
    """

    def __call__(self, images: Tensor) -> Tensor:
        """Return grey images of as many channels."""
        if images.shape[1] == 1:
            raise UserError("data/degradation=gray: images of one channel have no colour to lose; data.channels=3.")
        return in_each_channel(brightness(images), images.shape[1])


@dataclass(frozen=True)
class Edges:
    """Keeps the edges alone: the length of the brightness's gradient by Sobel's filter, white on black.

    A step from 0 to 255 along an axis gives 255.
    """

    def __call__(self, images: Tensor) -> Tensor:
        """Return the edges, the same in each channel."""
        around = np.pad(brightness(images), ((0, 0), (0, 0), (1, 1), (1, 1)), mode="edge") / 4
        columns = around[..., :-2, :] + 2 * around[..., 1:-1, :] + around[..., 2:, :]
        rows = around[..., :-2] + 2 * around[..., 1:-1] + around[..., 2:]
        gradient = np.hypot(columns[..., 2:] - columns[..., :-2], rows[..., 2:, :] - rows[..., :-2, :])
        return in_each_channel(gradient, images.shape[1])


@dataclass(frozen=True)
class Hole:
    """Fills a part, ``box`` (left, top, right, bottom, as fractions of the sides), with one value of 0 to 255.

    Raises UserError if the box is none or covers everything.
    """

    box: Sequence[float] = (0.25, 0.25, 0.75, 0.75)
    value: int = 127

    def __post_init__(self) -> None:
        require_box(self.box)
        if tuple(self.box) == WHOLE:
            raise UserError("data.degradation.box: a hole that covers everything leaves nothing to see.")
        if not 0 <= self.value <= 255:
            raise UserError(f"data.degradation.value={self.value}: pixels have values from 0 to 255.")

    def __call__(self, images: Tensor) -> Tensor:
        """Return the images with the hole."""
        rows, columns = part_of(images, self.box)
        return with_part(images, rows, columns, torch.tensor(self.value, dtype=torch.uint8))


@dataclass(frozen=True)
class Downscale:
    """Makes images ``factor`` times smaller and as large as before again, both by bicubic interpolation.

    The way down is antialiased. Raises UserError if factor is below 2 or leaves no pixel.
    """

    factor: int = 4

    def __post_init__(self) -> None:
        if self.factor < 2:
            raise UserError(f"data.degradation.factor={self.factor}: it must be 2 or more.")

    def __call__(self, images: Tensor) -> Tensor:
        """Return the blurred images."""
        size = images.shape[-2:]
        small = [side // self.factor for side in size]
        if min(small) < 1:
            raise UserError(
                f"data.degradation.factor={self.factor} leaves nothing of images of {size[1]}x{size[0]} pixels."
            )
        down = F.interpolate(images.float(), small, mode="bicubic", antialias=True).round().clamp(0, 255)
        return torch.from_numpy(as_bytes(F.interpolate(down, size, mode="bicubic").numpy()))


def brightness(images: Tensor) -> np.ndarray:
    """Return the brightness (B, 1, H, W), float32 in [0, 255], of grey or RGB images."""
    values = images.numpy().astype(np.float32)
    if images.shape[1] == 1:
        return values
    return (values * np.array(BRIGHTNESS, dtype=np.float32).reshape(1, 3, 1, 1)).sum(1, keepdims=True)


def as_bytes(values: np.ndarray) -> np.ndarray:
    """Return the nearest bytes."""
    return np.rint(values).clip(0, 255).astype(np.uint8)


def in_each_channel(values: np.ndarray, channels: int) -> Tensor:
    """Return values (B, 1, H, W) as bytes, the same in each of so many channels."""
    return torch.from_numpy(as_bytes(values).repeat(channels, 1))


def require_box(box: Sequence[float]) -> None:
    """Raise UserError unless the box is (left, top, right, bottom) within [0, 1] and holds something."""
    valid = len(box) == 4 and all(0 <= side <= 1 for side in box) and box[0] < box[2] and box[1] < box[3]
    if not valid:
        raise UserError(
            f"data.degradation.box={list(box)}: give [left,top,right,bottom] as fractions of the sides, such as "
            "[0.25,0.25,0.75,0.75]."
        )


def part_of(images: Tensor, box: Sequence[float]) -> tuple[slice, slice]:
    """Return the rows and columns of images (…, H, W) that a box touches, at least one of each."""
    height, width = images.shape[-2:]
    left, top, right, bottom = box
    return pixels_between(top, bottom, height), pixels_between(left, right, width)


def pixels_between(first: float, last: float, length: int) -> slice:
    """Return the pixels of a side between two fractions of it, rounded to whole ones."""
    begin = min(round(first * length), length - 1)
    return slice(begin, max(begin + 1, math.floor(last * length + 0.5)))


def with_part(images: Tensor, rows: slice, columns: slice, part: Tensor) -> Tensor:
    """Return a copy of the images with other pixels in a part."""
    changed = images.clone()
    changed[..., rows, columns] = part
    return changed
