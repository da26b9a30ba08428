"""Picture decoding to pixels of one size: uint8, or float32 where a range of values is stated."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from PIL import ExifTags, Image, ImageOps
from torch import Tensor

from ganexp.data.depth.deep_colour import Box, DeepColour
from ganexp.data.depth.planes import Planes, with_channels
from ganexp.data.depth.value_range import ValueRange
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
MODES = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}
"""Modes of pictures by their number of channels."""
OPAQUE = (1, 3)
BITS_PER_SAMPLE = 258
"""A tag of TIFF."""
DEEP_COLOUR = "deep colour"
"""Where a picture keeps the file of which Pillow reads 8 of 16 bits."""


class Decodes(Protocol):
    """Decodes an item of a source into (channels, height, width) of an image size and of a type.

    ``settings`` describes it for checksums.
    """

    image_size: ImageSize
    channels: int
    resize_filter: str
    dtype: torch.dtype
    settings: str

    def __call__(self, picture: Any, /) -> Tensor:
        """Return the pixels."""
        ...


class Decoder:
    """Turns PIL images and `Planes` into tensors of shape (channels, height, width), uint8 or float32.

    The picture is rotated by its EXIF orientation, converted to grey (1 channel), grey with alpha (2), RGB (3) or RGBA
    (4), resized with its aspect ratio kept so that it just covers image_size, a square's side or (height, width), (with
    Pillow's antialiased filter; not at all if it does so already), and center-cropped. Without a channel for alpha,
    transparent pictures are composited on white. Without a value_range, 16-bit grey is scaled to 8 bits (65535 to 255),
    not clipped, and the result is uint8. With one, the result is float32 in [-1, 1], at the picture's own depth.

    Raises UserError if image_size or channels is below 1, or resize_filter is unknown.
    """

    def __init__(
        self,
        image_size: int | Sequence[int],
        channels: int,
        resize_filter: str = "bicubic",
        value_range: ValueRange | None = None,
    ) -> None:
        self.image_size = checked_size(image_size)
        if channels < 1:
            raise UserError(f"data.channels={channels}: images have at least 1 channel.")
        if resize_filter not in (*FILTERS, *TENSOR_FILTERS):
            choices = ", ".join([*FILTERS, *TENSOR_FILTERS])
            raise UserError(f"data.resize_filter={resize_filter}: choose one of {choices}.")
        self.channels = channels
        self.resize_filter = resize_filter
        self.value_range = value_range
        self.dtype = torch.uint8 if value_range is None else torch.float32
        values = "" if value_range is None else f" {value_range.text}"
        self.settings = f"{self.image_size} {channels} {resize_filter}{values}"

    def with_range(self, value_range: ValueRange | None) -> "Decoder":
        """Return a decoder with another range of values."""
        return Decoder(self.image_size, self.channels, self.resize_filter, value_range)

    def __call__(self, image: Image.Image | Planes) -> Tensor:
        """Return the picture as (channels, height, width).

        Raises UserError for numbers of channels that cannot be converted, and without a value_range for
        floating-point pixels and integers beyond 16 bits; Pillow's errors (mostly OSError) for an unreadable file are
        not caught.
        """
        if self.value_range is not None:
            return self._fitted_planes(self._scaled(image, self.value_range)).clamp_(-1, 1)
        if isinstance(image, Planes):
            return self._fitted_planes(with_channels(_eight_bit_planes(image), self.channels))
        return pixels_of(self._fitted(upright(image, self.channels)))

    def _scaled(self, image: Image.Image | Planes, value_range: ValueRange) -> np.ndarray:
        """Return the values (H, W, channels) in [-1, 1], float32."""
        if isinstance(image, Planes) and image.scaled_from == value_range:
            return with_channels(image.values, self.channels)
        return value_range.scaled(deep_values(image, self.channels))

    def _fitted_planes(self, values: np.ndarray) -> Tensor:
        """Return values (H, W, C), uint8 or float32, resized and cropped channel by channel."""
        planes = np.moveaxis(values, 2, 0)
        return torch.from_numpy(
            np.stack([np.asarray(self._fitted(Image.fromarray(np.ascontiguousarray(plane)))) for plane in planes])
        )

    def _fitted(self, image: Image.Image) -> Image.Image:
        height, width = self.image_size
        covering = covering_size(image.size, self.image_size)
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


def covering_size(size: tuple[int, int], image_size: ImageSize) -> tuple[int, int]:
    """Return the width and height to which a picture of such a size is resized, so that it just covers image_size."""
    width, height = size
    by_height = image_size.height * width >= image_size.width * height
    new, old = (image_size.height, height) if by_height else (image_size.width, width)
    return max(image_size.width, round(width * new / old)), max(image_size.height, round(height * new / old))


def upright(image: Image.Image, channels: int) -> Image.Image:
    """Return the picture rotated by its EXIF orientation with 8 bits in 1 to 4 channels, opaque with 1 or 3.

    Raises UserError for more channels, for floating-point pixels and integers beyond 16 bits.
    """
    if channels not in MODES:
        raise UserError(f"data.channels={channels}: pictures have at most {max(MODES)} channels; data=arrays has any")
    # Neither copies nor decodes the picture where nothing is to be done, which are both Pillow's defaults.
    is_turned = image.getexif().get(ExifTags.Base.Orientation, 1) != 1
    turned = ImageOps.exif_transpose(image) if is_turned else image
    flat = _flattened(turned) if channels in OPAQUE else _eight_bits(turned)
    return flat if flat.mode == MODES[channels] else flat.convert(MODES[channels])


def resized(image: Image.Image, size: tuple[int, int], resize_filter: str) -> Image.Image:
    """Return a picture in a size (width, height)."""
    tensor_filter = TENSOR_FILTERS.get(resize_filter)
    return image.resize(size, FILTERS[resize_filter]) if tensor_filter is None else tensor_filter(image, size)


def deep_values(image: Image.Image | Planes, channels: int) -> np.ndarray:
    """Return the values (H, W, channels) of a picture, upright and at its own depth.

    Raises UserError for numbers of channels that cannot be converted, and for 16-bit colour that cannot be read.
    """
    if isinstance(image, Planes):
        return with_channels(image.measured, channels)
    if DEEP_COLOUR in image.info:
        return with_channels(image.info[DEEP_COLOUR].values(with_alpha=channels not in OPAQUE), channels)
    if is_deep(image) or image.mode == "F":
        return with_channels(np.asarray(ImageOps.exif_transpose(image))[..., None], channels)
    pixels = np.asarray(upright(image, channels))
    return pixels[..., None] if pixels.ndim == 2 else pixels


def mark_deep_colour(image: Image.Image, path: Path) -> None:
    """Mark an opened picture of 16-bit colour, before its pixels are read, since Pillow reads 8 bits of it."""
    if has_deep_colour(image):
        orientation = image.getexif().get(ExifTags.Base.Orientation, 1)
        image.info[DEEP_COLOUR] = DeepColour(path, str(image.format), orientation)


def crop(image: Image.Image, box: Box) -> Image.Image:
    """Return a part of an upright picture, at full depth too."""
    part = image.crop(box)
    if DEEP_COLOUR in part.info:
        part.info[DEEP_COLOUR] = part.info[DEEP_COLOUR].cropped(box)
    return part


def has_deep_colour(image: Image.Image) -> bool:
    """Return whether the file of an opened picture, of which Pillow decodes 8 bits per channel, has more."""
    if is_deep(image) or image.mode == "F":
        return False
    bits = getattr(image, "tag_v2", {}).get(BITS_PER_SAMPLE, (8,))
    return max(bits) > 8 or any(_is_reduced(tile) for tile in getattr(image, "tile", ()))


def _is_reduced(tile: Any) -> bool:
    codec, (mode, *rest) = tile[0], tile[3] if isinstance(tile[3], tuple) else (tile[3],)
    # The mode in the file, such as RGB;16B; a PPM file's largest value.
    return ";16" in str(mode) or (codec == "ppm" and max(rest, default=0) > 255)


def pixels_of(image: Image.Image) -> Tensor:
    """Return a picture of 1 to 4 channels as uint8 (channels, height, width)."""
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
    if is_deep(image) or image.mode == "F":
        return _eight_bits(image)
    if is_transparent(image):
        rgba = image.convert("RGBA")
        white = Image.new("RGBA", rgba.size, "white")
        return Image.alpha_composite(white, rgba).convert("RGB")
    return image


def _eight_bits(image: Image.Image) -> Image.Image:
    """Return the picture with 8 bits per channel."""
    if image.mode == "F":
        raise UserError(
            "mode F (floating-point pixels) has no fixed range; save it as 8- or 16-bit integers, or state its values, "
            "such as data.value_range=[0,1]"
        )
    return _eight_bit(image) if is_deep(image) else image


def _eight_bit_planes(image: Planes) -> np.ndarray:
    """Return values (H, W, C) of 8 bits; raises UserError for any others, whose range must be stated."""
    if image.values.dtype != np.uint8:
        raise UserError(
            f"{image.values.dtype} values have no fixed range: give uint8, 0 to 255, or state their values, such as "
            "data.value_range=[0,1]"
        )
    return image.values


def _eight_bit(image: Image.Image) -> Image.Image:
    # Pillow's own conversion clips at 255, which turns most 16-bit pictures white.
    values = np.asarray(image.convert("I"))
    if values.min() < 0 or values.max() > 65535:
        raise UserError(f"mode {image.mode} has integers outside 0..65535; save it with 8 or 16 bits")
    return Image.fromarray(np.rint(values / 257).astype(np.uint8))
