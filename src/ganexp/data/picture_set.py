"""Named sets of pictures to inspect."""

from collections.abc import Callable
from typing import NamedTuple

from torch import Tensor

from ganexp.data.decoding import Decodes
from ganexp.data.pictures import Pictures


def single_image(pixels: Tensor) -> tuple[Tensor, ...]:
    """Return decoded images unchanged, as the only image of each item."""
    return (pixels,)


class PictureSet(NamedTuple):
    """Pictures with a name and a decoder.

    ``shown`` turns decoded items (B, C, H, W) into the one or two batches (B, C, S, S) that a model receives.
    """

    name: str
    pictures: Pictures
    decoder: Decodes
    shown: Callable[[Tensor], tuple[Tensor, ...]] = single_image
