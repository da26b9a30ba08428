"""Names of the classes, or of the attributes, of labelled data."""

from collections.abc import Sequence
from typing import Any

SEPARATOR, NO_ATTRIBUTES = "+", "none"


def class_names(data: Any) -> list[str] | None:
    """Return the names of a data module's classes, by class number.

    None for data without labels, and for names that are only the classes' numbers.
    """
    if getattr(data, "num_classes", None) is None:
        return None
    names = [str(name) for name in getattr(data, "classes", [])]
    return names if names != [str(number) for number in range(len(names))] else None


def attribute_text(attributes: Sequence[int], names: Sequence[str]) -> str:
    """Return a set of attributes, 0 or 1 for each name, as NAME+NAME, or as none."""
    present = [name for name, value in zip(names, attributes, strict=True) if value]
    return SEPARATOR.join(present) or NO_ATTRIBUTES
