"""Names of a data set's parts."""

from collections.abc import Iterable

from ganexp.errors import UserError


def check_split(data: str, split: str, splits: Iterable[str]) -> None:
    """Raise UserError if a data set has no such split."""
    if split not in splits:
        raise UserError(f"{data} has no split {split!r}: data.source.split={'|'.join(splits)}.")
