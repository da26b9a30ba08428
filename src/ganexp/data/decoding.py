"""Picture decoding to uint8 pixels of one size."""

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
import torch
from PIL import ExifTags, Image, ImageOps
from torch import Tensor

from ganexp.data.tensor_resizing import TensorResizer
from ganexp.errors import UserError
from ganexp.image_size import ImageSize

FILTERS = {
    "nearest": Image.Resampling.NEAREST,
    "box": Image.Resampling.BOX,
    "bilinear": Image.Resampling.BILINEAR,
    "hamming": Image.Resampling.HAMMING,
    "bicubic": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.LANCZOS,
}
# Of other names, as their pixels may differ by a grey level: the name is in checksums and in protocols of scores.
TENSOR_FILTERS = {f"torch_{name}": TensorResizer(name, FILTERS[name]) for name in ("bilinear", "bicubic")}
MODES = {1: "L", 3: "RGB"}


class Decodes(Protocol):
    """Decodes an item of a source into uint8 (channels, height, width) of an image size."""

    image_size: ImageSize
    channels: int
    resize_filter: str

    def __call__(self, picture: Any, /) -> Tensor:
        """Return the pixels."""
        ...


class Decoder:
    """Turns PIL images into uint8 tensors of shape (channels, height, width).

    The picture is rotated by its EXIF orientation, converted to grey or RGB, resized with its aspect ratio kept so that
    it just covers image_size, a square's side or (height, width), (with Pillow's antialiased filter; not at all if it
    does so already), and center-cropped. Transparent pictures are composited on white. 16-bit grey is scaled to 8 bits
    (65535 to 255), not clipped.

    Raises UserError if image_size is below 1, channels is not 1 or 3, or resize_filter is unknown.
    """

    def __init__(self, image_size: int | Sequence[int], channels: int, resize_filter: str = "bicubic") -> None:
        self.image_size = checked_size(image_size)
        if channels not in MODES:
            raise UserError(f"data.channels={channels}: images have 1 (grey) or 3 (RGB) channels.")
        if resize_filter not in (*FILTERS, *TENSOR_FILTERS):
            choices = ", ".join([*FILTERS, *TENSOR_FILTERS])
            raise UserError(f"data.resize_filter={resize_filter}: choose one of {choices}.")
        self.channels = channels
        self.resize_filter = resize_filter

    def __call__(self, image: Image.Image) -> Tensor:
        """Return the picture as uint8 (channels, height, width).

        Raises UserError for floating-point pixels and integers beyond 16 bits; Pillow's errors (mostly OSError) for
        an unreadable file are not caught.
        """
        return pixels_of(self._fitted(upright(image, self.channels)))

    def _fitted(self, image: Image.Image) -> Image.Image:
        height, width = self.image_size
        covering = _covering(image.size, self.image_size)
        if image.size != covering:
            image = resized(image, covering, self.resize_filter)
        if image.size == (width, height):
            return image
        left, top = (image.width - width) // 2, (image.height - height) // 2
        return image.crop((left, top, left + width, top + height))


def checked_size(image_size: int | Sequence[int]) -> ImageSize:
    """Return the setting data.image_size as a size; raises UserError for sides below 1."""
    try:
        return ImageSize.of(image_size)
    except ValueError as error:
        raise UserError(
            f"data.image_size={image_size}: give at least one pixel, as a number or as [height, width]."
        ) from error


def _covering(size: tuple[int, int], image_size: ImageSize) -> tuple[int, int]:
    """Return the width and height to which a picture of such a size is resized, so that it just covers image_size."""
    width, height = size
    by_height = image_size.height * width >= image_size.width * height
    new, old = (image_size.height, height) if by_height else (image_size.width, width)
    return max(image_size.width, round(width * new / old)), max(image_size.height, round(height * new / old))


def upright(image: Image.Image, channels: int) -> Image.Image:
    """Return the picture rotated by its EXIF orientation, opaque, with 8 bits in 1 or 3 channels.

    Raises UserError for floating-point pixels and integers beyond 16 bits.
    """
    # Neither copies nor decodes the picture where nothing is to be done, which are both Pillow's defaults.
    is_turned = image.getexif().get(ExifTags.Base.Orientation, 1) != 1
    opaque = _flattened(ImageOps.exif_transpose(image) if is_turned else image)
    return opaque if opaque.mode == MODES[channels] else opaque.convert(MODES[channels])


def resized(image: Image.Image, size: tuple[int, int], resize_filter: str) -> Image.Image:
    """Return a picture in a size (width, height)."""
    tensor_filter = TENSOR_FILTERS.get(resize_filter)
    return image.resize(size, FILTERS[resize_filter]) if tensor_filter is None else tensor_filter(image, size)


def pixels_of(image: Image.Image) -> Tensor:
    """Return a grey or RGB picture as uint8 (channels, height, width)."""
    pixels = torch.from_numpy(np.array(image))
    return pixels.unsqueeze(0) if image.mode == "L" else pixels.permute(2, 0, 1).contiguous()


def conversions(image: Image.Image) -> list[str]:
    """Return descriptions of the conversions that `upright` applies besides the channels', according to the header."""
    kinds = {"transparent (put on white)": is_transparent(image), "of 16 bits (scaled to 8)": is_deep(image)}
    return [description for description, applies in kinds.items() if applies]


def is_grey(image: Image.Image) -> bool:
    """Return whether a picture is grey according to its header."""
    return image.mode in ("1", "L", "LA", "La") or is_deep(image)


def is_transparent(image: Image.Image) -> bool:
    """Return whether a picture has transparency according to its header."""
    return image.mode in ("LA", "La", "PA", "RGBA", "RGBa") or "transparency" in image.info


def is_deep(image: Image.Image) -> bool:
    """Return whether a picture has more than 8 bits per channel according to its header."""
    return image.mode == "I" or image.mode.startswith("I;")


def _flattened(image: Image.Image) -> Image.Image:
    """Return the picture with 8 bits per channel and without transparency."""
    if image.mode == "F":
        raise UserError("mode F (floating-point pixels) has no fixed range; save it as 8- or 16-bit integers")
    if is_deep(image):
        return _eight_bit(image)
    if is_transparent(image):
        rgba = image.convert("RGBA")
        white = Image.new("RGBA", rgba.size, "white")
        return Image.alpha_composite(white, rgba).convert("RGB")
    return image


def _eight_bit(image: Image.Image) -> Image.Image:
    # Pillow's own conversion clips at 255, which turns most 16-bit pictures white.
    values = np.asarray(image.convert("I"))
    if values.min() < 0 or values.max() > 65535:
        raise UserError(f"mode {image.mode} has integers outside 0..65535; save it with 8 or 16 bits")
    return Image.fromarray(np.rint(values / 257).astype(np.uint8))
