"""Class names of a run: read from its folder, and turned into class numbers."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ganexp.config.composition import nearest
from ganexp.errors import UserError
from ganexp.records import summary
from ganexp.runs.run import Run

CLASS_NAMES = "class_names"
"""Key of the names of the classes, by class number, in the configuration of a published model."""
LISTED = 20
MOST = 100_000
LONGEST = 1_000


def read_class_names(folder: Path) -> list[str] | None:
    """Return the names of the classes that a run was trained on, by class number; None if it has none."""
    return valid_names(summary.read(folder).get(summary.CLASSES))


def class_names_of(run: Run) -> list[str] | None:
    """Return the names of a run's or a published model's classes, by class number; None if it has none."""
    return valid_names(run.config.get(CLASS_NAMES)) or read_class_names(run.folder)


def valid_names(value: Any) -> list[str] | None:
    """Return a value from somebody's file if it is a list of names, else None."""
    if not isinstance(value, Sequence) or isinstance(value, str) or not 0 < len(value) <= MOST:
        return None
    return list(value) if all(isinstance(name, str) and len(name) <= LONGEST for name in value) else None


def class_numbers(labels: Sequence[Any], names: Sequence[str] | None) -> list[int]:
    """Return the numbers of classes that are given by number or by name.

    Whole numbers are class numbers, also where a class has a number as its name. Raises UserError for a name that no
    class or several classes have, and for values that are neither.
    """
    return [class_number(label, names) for label in labels]


def class_number(label: Any, names: Sequence[str] | None) -> int:
    """Return the number of one class that is given by number or by name."""
    if isinstance(label, int) and not isinstance(label, bool):
        return label
    if not isinstance(label, str):
        raise UserError(f"labels=[{label}]: Value {label!r} is neither a class number nor a name: quote a name")
    if names is None:
        raise UserError(f"labels=[{label}]: Value {label!r} is a name, and this run has no class names: give numbers")
    numbers = [number for number, name in enumerate(names) if name == label]
    if len(numbers) > 1:
        several = " and ".join(map(str, numbers))
        raise UserError(f"labels=[{label}]: the classes {several} have this name: give numbers")
    if not numbers:
        close = nearest(label, names)
        hint = f"; did you mean {close}?" if close else "."
        listed = f"{', '.join(names[:LISTED])}{' …' if len(names) > LISTED else ''}"
        raise UserError(f"labels=[{label}]: no such class{hint} There are: {listed}")
    return numbers[0]
