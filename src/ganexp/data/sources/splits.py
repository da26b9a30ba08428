"""Names of a data set's parts, and parts of one that has none."""

from collections.abc import Callable, Iterable

from ganexp.data.pictures import Part, Pictures
from ganexp.errors import UserError

TRAIN = "train"
EVERY = 10


def check_split(data: str, split: str, splits: Iterable[str]) -> None:
    """Raise UserError if a data set has no such split."""
    if split not in splits:
        raise UserError(f"{data} has no split {split!r}: data.source.split={'|'.join(splits)}.")


def divided(split: str, source: Callable[[], Pictures]) -> Part:
    """Return the pictures of a source without splits that are there to train on, or the others, to test on.

    Every tenth picture is for tests. Raises UserError if there are fewer than two.
    """
    return part_of(source(), split, "the data")


def part_of(pictures: Pictures, split: str, where: str) -> Part:
    """Return all but every tenth of the pictures for the split train, and every tenth for any other."""
    number = len(pictures)
    if number < 2:
        raise UserError(f"{where} has too few images ({number}) to keep some of them for tests.")
    every = min(EVERY, number)
    tested = [index for index in range(number) if index % every == every - 1]
    return Part(pictures, sorted(set(range(number)) - set(tested)) if split == TRAIN else tested)
