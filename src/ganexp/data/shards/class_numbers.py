"""Class numbers of labels that are whole numbers or text."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from ganexp.errors import UserError
from ganexp.terminal.text import first_names


def numbered(values: Sequence[Any], where: str) -> tuple[np.ndarray, list[str]]:
    """Return the class numbers (N,) and the sorted class names of labels, which are whole numbers or text.

    Whole numbers stay as they are, the classes being 0 to the largest of them. Raises UserError naming the first rows
    without a label, and for labels of other types.
    """
    without = [f"row {row}" for row, value in enumerate(values) if value is None or value == -1]
    if without:
        raise rows_without_labels(without, where)
    if all(isinstance(value, int) and not isinstance(value, bool) for value in values):
        numbers = np.asarray(values, dtype=np.int64)
        if numbers.min() < 0 or numbers.max() >= max(1000, len(numbers)):
            raise UserError(f"{where}: labels from {numbers.min()} to {numbers.max()} are no class numbers")
        return numbers, [str(number) for number in range(int(numbers.max()) + 1)]
    if all(isinstance(value, str) for value in values):
        names = sorted(set(values))
        number_of = {name: number for number, name in enumerate(names)}
        return np.asarray([number_of[value] for value in values], dtype=np.int64), names
    raise UserError(f"{where}: labels must be whole numbers or text, not {type(values[0]).__name__}")


def rows_without_labels(rows: Sequence[str], where: str) -> UserError:
    """Return the error for rows without labels."""
    return UserError(f"{where}: {len(rows):,} labels are missing: {first_names(rows)}")
