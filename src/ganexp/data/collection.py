"""Pictures of one kind, as they are found, and what becomes of them."""

from collections.abc import Callable
from typing import NamedTuple

from torch import Tensor

from ganexp.data.decoding import Decodes
from ganexp.data.pictures import Pictures


def alone(pixels: Tensor) -> tuple[Tensor, ...]:
    """Return decoded images as the only ones."""
    return (pixels,)


class Collection(NamedTuple):
    """Pictures with a name, what decodes one, and what a model is shown of decoded ones: (B, C, S, S), one or two."""

    name: str
    pictures: Pictures
    decoder: Decodes
    shown: Callable[[Tensor], tuple[Tensor, ...]] = alone
