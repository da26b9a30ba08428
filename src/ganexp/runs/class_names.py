"""Class names of a run: read from its folder, and turned into class numbers."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ganexp.config.messages import nearest
from ganexp.errors import UserError
from ganexp.records import summary
from ganexp.records.class_names import NO_ATTRIBUTES, SEPARATOR
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


def attribute_sets(labels: Sequence[Any], names: Sequence[str] | None) -> list[tuple[int, ...]]:
    """Return sets of attributes, 0 or 1 for each name, that are given as NAME+NAME, or as none.

    Raises UserError for a name that no attribute has.
    """
    if names is None:
        raise UserError("labels: this run has no names of its attributes; leave labels out")
    chosen = [[] if label == NO_ATTRIBUTES else _attributes(label, names) for label in labels]
    return [tuple(int(number in numbers) for number in range(len(names))) for numbers in chosen]


def _attributes(label: Any, names: Sequence[str]) -> list[int]:
    whole = [number for number, name in enumerate(names) if name == label]
    return whole or [class_number(name, names, "attribute") for name in str(label).split(SEPARATOR)]


def class_number(label: Any, names: Sequence[str] | None, kind: str = "class") -> int:
    """Return the number of one class, or of one attribute, that is given by number or by name."""
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
        raise UserError(f"labels=[{label}]: no such {kind}{hint} There are: {listed}")
    return numbers[0]
