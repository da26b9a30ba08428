"""Image degradations for restoration models to undo: pure functions of uint8 images.

They run in the data loader, mostly in NumPy: torch's parallel kernels stall while other programs occupy the processors.
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
"""Maps uint8 images (B, C, H, W) to degraded ones of the same shape and type."""

# Luma of ITU-R BT.601, as in Pillow and JPEG.
BRIGHTNESS = (0.299, 0.587, 0.114)
WHOLE = (0.0, 0.0, 1.0, 1.0)


@dataclass(frozen=True)
class Nothing:
    """No degradation."""

    def __call__(self, images: Tensor) -> Tensor:
        """Return the images unchanged."""
        return images


@dataclass(frozen=True)
class Mosaic:
    """Pixelation: each block of ``block`` x ``block`` pixels becomes its mean.

    ``box`` (left, top, right, bottom, as fractions of the sides) limits it to a region; blocks start at the region's
    upper left corner, and those at its right and lower edge may be smaller. Raises UserError if block is below 2 or
    the box is invalid.
    """

    block: int = 4
    box: Sequence[float] = WHOLE

    def __post_init__(self) -> None:
        if self.block < 2:
            raise UserError(f"data.degradation.block={self.block}: blocks must be at least 2 pixels wide.")
        require_box(self.box)

    def __call__(self, images: Tensor) -> Tensor:
        """Return the pixelated images."""
        rows, columns = region_of(images, self.box)
        region = images[..., rows, columns].numpy()
        firsts = [np.arange(0, side, self.block) for side in region.shape[-2:]]
        sides = [np.diff(first, append=side) for first, side in zip(firsts, region.shape[-2:], strict=True)]
        sums = np.add.reduceat(np.add.reduceat(region, firsts[0], -2, dtype=np.float32), firsts[1], -1)
        means = as_bytes(sums / np.outer(*sides))
        return with_region(images, rows, columns, torch.from_numpy(means.repeat(sides[0], -2).repeat(sides[1], -1)))


@dataclass(frozen=True)
class Gray:
    """Conversion to grey: each channel becomes the brightness (ITU-R BT.601).

    Raises UserError for images of one channel, which have no colour.
    """

    def __call__(self, images: Tensor) -> Tensor:
        """Return grey images with the same number of channels."""
        if images.shape[1] == 1:
            raise UserError("data/degradation=gray: images with one channel have no colour to lose; data.channels=3.")
        return in_each_channel(brightness(images), images.shape[1])


@dataclass(frozen=True)
class Edges:
    """Edge map: the gradient magnitude of the brightness by the Sobel filter, white on black.

    A step from 0 to 255 along an axis gives 255.
    """

    def __call__(self, images: Tensor) -> Tensor:
        """Return the edge map, the same in each channel."""
        around = np.pad(brightness(images), ((0, 0), (0, 0), (1, 1), (1, 1)), mode="edge") / 4
        columns = around[..., :-2, :] + 2 * around[..., 1:-1, :] + around[..., 2:, :]
        rows = around[..., :-2] + 2 * around[..., 1:-1] + around[..., 2:]
        gradient = np.hypot(columns[..., 2:] - columns[..., :-2], rows[..., 2:, :] - rows[..., :-2, :])
        return in_each_channel(gradient, images.shape[1])


@dataclass(frozen=True)
class Hole:
    """Missing region: ``box`` (left, top, right, bottom, as fractions of the sides) is filled with one value, 0 to 255.

    Raises UserError if the box is invalid or covers the whole image, or if the value is out of range.
    """

    box: Sequence[float] = (0.25, 0.25, 0.75, 0.75)
    value: int = 127

    def __post_init__(self) -> None:
        require_box(self.box)
        if tuple(self.box) == WHOLE:
            raise UserError("data.degradation.box: a hole over the whole image leaves nothing to see; make it smaller.")
        if not 0 <= self.value <= 255:
            raise UserError(f"data.degradation.value={self.value}: pixels have values from 0 to 255.")

    def __call__(self, images: Tensor) -> Tensor:
        """Return the images with the hole."""
        rows, columns = region_of(images, self.box)
        return with_region(images, rows, columns, torch.tensor(self.value, dtype=torch.uint8))


@dataclass(frozen=True)
class Downscale:
    """Low resolution: images are downscaled by ``factor`` and upscaled again, both by bicubic interpolation.

    Downscaling is antialiased. Raises UserError if factor is below 2 or leaves no pixel.
    """

    factor: int = 4

    def __post_init__(self) -> None:
        if self.factor < 2:
            raise UserError(f"data.degradation.factor={self.factor}: give 2 or more.")

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


def reason_for_host(degradation: Degradation) -> str | None:
    """Return the reason why a degradation takes only images in the host's memory, None if it takes any."""
    return None if isinstance(degradation, Nothing) else "data.degradation is computed on the CPU"


def brightness(images: Tensor) -> np.ndarray:
    """Return the brightness (B, 1, H, W), float32 in [0, 255], of grey or RGB images."""
    values = images.numpy().astype(np.float32)
    if images.shape[1] == 1:
        return values
    weighted: np.ndarray = (values * np.array(BRIGHTNESS, dtype=np.float32).reshape(1, 3, 1, 1)).sum(1, keepdims=True)
    return weighted


def as_bytes(values: np.ndarray) -> np.ndarray:
    """Return the values rounded to uint8."""
    rounded: np.ndarray = np.rint(values).clip(0, 255).astype(np.uint8)
    return rounded


def in_each_channel(values: np.ndarray, channels: int) -> Tensor:
    """Return values (B, 1, H, W) as uint8 (B, channels, H, W), the same in each channel."""
    return torch.from_numpy(as_bytes(values).repeat(channels, 1))


def require_box(box: Sequence[float]) -> None:
    """Raise UserError unless the box is a non-empty (left, top, right, bottom) within [0, 1]."""
    valid = len(box) == 4 and all(0 <= side <= 1 for side in box) and box[0] < box[2] and box[1] < box[3]
    if not valid:
        raise UserError(
            f"data.degradation.box={list(box)}: give [left,top,right,bottom] as fractions of the sides, such as "
            "[0.25,0.25,0.75,0.75]."
        )


def region_of(images: Tensor, box: Sequence[float]) -> tuple[slice, slice]:
    """Return the rows and columns of a box in images (…, H, W), at least one of each."""
    height, width = images.shape[-2:]
    left, top, right, bottom = box
    return pixels_between(top, bottom, height), pixels_between(left, right, width)


def pixels_between(first: float, last: float, length: int) -> slice:
    """Return the pixels between two fractions of a side, rounded to whole pixels."""
    begin = min(round(first * length), length - 1)
    return slice(begin, max(begin + 1, math.floor(last * length + 0.5)))


def with_region(images: Tensor, rows: slice, columns: slice, region: Tensor) -> Tensor:
    """Return a copy of the images with new pixels in a region."""
    changed = images.clone()
    changed[..., rows, columns] = region
    return changed
