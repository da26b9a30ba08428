"""Public formats of weights: how each is recognized and renamed, and the experiment that has its networks."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from torch import Tensor

from ganexp.transfer import biggan_pytorch, cyclegan_and_pix2pix

Tensors = Mapping[str, Tensor]


@dataclass(frozen=True)
class Format:
    """The file format of a public implementation.

    ``convert`` returns a file's tensors by the names of a game, given the file's name without suffix.
    """

    name: str
    recognizes: Callable[[Tensors], bool]
    convert: Callable[[Tensors, str], dict[str, Tensor]]
    recipe: str


FORMATS = {
    item.name: item
    for item in (
        Format("biggan_pytorch", biggan_pytorch.recognizes, biggan_pytorch.convert, biggan_pytorch.RECIPE),
        Format(
            "cyclegan_and_pix2pix",
            cyclegan_and_pix2pix.recognizes,
            cyclegan_and_pix2pix.convert,
            cyclegan_and_pix2pix.RECIPE,
        ),
    )
}


def recognized(tensors: Tensors) -> Format | None:
    """Return the public format that tensors have by their names, None if they have none."""
    return next((item for item in FORMATS.values() if item.recognizes(tensors)), None)
