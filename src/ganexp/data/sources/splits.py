"""Splits of a data set."""

from collections.abc import Callable, Iterable

import numpy as np
import torch

from ganexp.data.pictures import Domains, Part, Pictures
from ganexp.errors import UserError
from ganexp.numerics.randomness import generator

TRAIN = "train"
TEST_INTERVAL = 10


def check_split(data: str, split: str, splits: Iterable[str]) -> None:
    """Raise UserError if a data set has no such split."""
    if split not in splits:
        raise UserError(f"{data} has no split {split!r}: data.source.split={'|'.join(splits)}.")


def divided(split: str, source: Callable[[], Pictures]) -> Part:
    """Return a split of a source that has none: every tenth picture for testing, the others for training.

    Raises UserError if there are fewer than two pictures.
    """
    return part_of(source(), split, "the data")


def part_of(pictures: Pictures, split: str, where: str) -> Part:
    """Return all but every tenth picture for the split train, and every tenth for any other.

    Raises UserError if there are fewer than two pictures.
    """
    number = len(pictures)
    if number < 2:
        raise UserError(f"{where} has too few images ({number}) to reserve some for testing: two or more are needed.")
    interval = min(TEST_INTERVAL, number)
    numbers = np.arange(number)
    is_test = numbers % interval == interval - 1
    return Part(pictures, numbers[~is_test] if split == TRAIN else numbers[is_test])


def halves(split: str, source: Callable[..., Pictures]) -> Domains:
    """Return two disjoint random halves of a source's pictures as domains to train on, the same for every seed.

    For any split but train, both domains are all pictures, so that translations can be compared with their targets.
    """
    pictures = source(split=split)
    if split != TRAIN:
        return Domains(pictures, pictures, aligned=True)
    order = torch.randperm(len(pictures), generator=generator(0, "halves")).numpy()
    half = len(pictures) // 2
    return Domains(Part(pictures, order[:half]), Part(pictures, order[half:]))
