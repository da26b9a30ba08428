"""Two sets of pictures to translate between."""

from collections.abc import Callable
from typing import NamedTuple

import torch

from ganexp.data.pictures import Part, Pictures
from ganexp.numerics.randomness import generator

TRAIN = "train"


class Domains(NamedTuple):
    """Pictures to translate from, and pictures of what to translate into.

    ``aligned`` says that input i and target i show the same subject.
    """

    inputs: Pictures
    targets: Pictures
    aligned: bool = False


def halves(split: str, source: Callable[..., Pictures]) -> Domains:
    """Return two halves of a source's pictures to train on, none of them in both, chosen at random once and for all.

    For any split but train, both domains are all of its pictures, so that there is something to compare with.
    """
    pictures = source(split=split)
    if split != TRAIN:
        return Domains(pictures, pictures, aligned=True)
    order = torch.randperm(len(pictures), generator=generator(0, "halves")).numpy()
    half = len(pictures) // 2
    return Domains(Part(pictures, order[:half]), Part(pictures, order[half:]))
