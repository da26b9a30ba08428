"""Kinds of pictures that training accepts, but converts or crops in a way their owner may not expect."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from PIL import Image

from ganexp.data.decoding import Decodes, is_deep, is_transparent
from ganexp.image_size import ImageSize


def is_cropped_by_half(picture: Image.Image, size: ImageSize) -> bool:
    """Return whether a picture that is resized to just cover a size loses more than half of itself beyond it."""
    by_height, by_width = size.height * picture.width, size.width * picture.height
    return max(by_height, by_width) > 2 * min(by_height, by_width)


class Kind(NamedTuple):
    """A kind of picture that training accepts, but converts in a way its owner may not expect."""

    what: str
    fix: str
    applies: Callable[[Image.Image, ImageSize], bool]
    """Called with the picture and the image size of training."""


DEEP = Kind(
    "of 16 bits per channel, scaled to 8",
    "none if they use the full range; otherwise data.value_range=[low,high], or scale them to 8 bits yourself",
    lambda picture, size: is_deep(picture),
)
KINDS = (
    DEEP,
    Kind(
        "transparent, put on white",
        "none if white is right, otherwise save them on a background of your choice",
        lambda picture, size: is_transparent(picture),
    ),
    Kind(
        "CMYK, converted to RGB without a colour profile",
        "save them as RGB if colours matter",
        lambda picture, size: picture.mode == "CMYK",
    ),
    Kind(
        "smaller than data.image_size, enlarged",
        "a smaller data.image_size, or remove them",
        lambda picture, size: picture.width < size.width or picture.height < size.height,
    ),
    Kind(
        "more than twice as long as wide, cropped by half or more",
        "crop them to squares yourself, remove them, or a rectangle data.image_size=[HEIGHT,WIDTH]",
        lambda picture, size: size.is_square and is_cropped_by_half(picture, size),
    ),
    Kind(
        "of another shape than data.image_size, cropped by half or more",
        "crop them yourself, remove them, or another data.image_size=[HEIGHT,WIDTH]",
        lambda picture, size: not size.is_square and is_cropped_by_half(picture, size),
    ),
)


def kinds_of(decoder: Decodes) -> Sequence[Kind]:
    """Return the kinds that a decoder converts or cuts; one with a range of values keeps 16 bits."""
    return [kind for kind in KINDS if kind is not DEEP or decoder.dtype == torch.uint8]
