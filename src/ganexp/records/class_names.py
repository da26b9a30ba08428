"""Names of the classes of labelled data."""

from typing import Any


def class_names(data: Any) -> list[str] | None:
    """Return the names of a data module's classes, by class number.

    None for data without labels, and for names that are only the classes' numbers.
    """
    if getattr(data, "num_classes", None) is None:
        return None
    names = [str(name) for name in getattr(data, "classes", [])]
    return names if names != [str(number) for number in range(len(names))] else None
