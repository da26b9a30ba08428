"""Labels of images from a file: names of classes or attributes, and the label of each image.

Free of heavy imports, because the configuration uses this module.
"""

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from ganexp.data.labels.rows import read_rows
from ganexp.errors import UserError

SHOWN = 3
Label = Any
"""A class number, or a tuple of 0 or 1 for each attribute."""


class LabelTable(NamedTuple):
    """Labels by file, as a label file names it: class numbers, or 0 or 1 for each attribute.

    ``names`` are those of the classes or of the attributes.
    """

    path: Path
    labels: Mapping[str, Label]
    names: list[str]
    has_attributes: bool


class LabelNames(NamedTuple):
    """The names of the classes or of the attributes in a label file."""

    names: list[str]
    has_attributes: bool


def label_table(file: str | Path) -> LabelTable:
    """Return the labels in a file (`read_rows` describes the formats).

    Classes are sorted by name, or by value if all are whole numbers. Raises UserError for a file that cannot be read,
    and for one that gives a file two labels.
    """
    path = Path(file).expanduser()
    rows = read_rows(path)
    files = [_normalized(name) for name in rows.files]
    names = rows.attributes or sorted(set(rows.classes), key=_numbers_by_value(rows.classes))
    numbers = {name: number for number, name in enumerate(names)}
    values: Sequence[Label] = rows.values if rows.attributes else [numbers[name] for name in rows.classes]
    labels: dict[str, Label] = {}
    contrary: dict[str, None] = {}
    for name, value in zip(files, values, strict=True):
        if labels.setdefault(name, value) != value:
            contrary[name] = None
    if contrary:
        raise UserError(f"data.labels={path}: {listed(contrary)} with two different labels: keep one row each")
    return LabelTable(path, labels, names, bool(rows.attributes))


def label_names(file: str | Path) -> LabelNames:
    """Return the names in a label file, which is read once; raises UserError as `label_table` does."""
    path = Path(file).expanduser()
    # The configuration asks for the number of classes again and again.
    state = path.stat() if path.is_file() else None
    return _label_names(path, None if state is None else (state.st_mtime_ns, state.st_size))


@lru_cache(maxsize=8)
def _label_names(path: Path, state: tuple[int, int] | None) -> LabelNames:
    table = label_table(path)
    return LabelNames(table.names, table.has_attributes)


def has_attributes(labels: str | None) -> bool:
    """Return whether a label file, if there is one, gives attributes instead of classes."""
    return labels is not None and label_names(labels).has_attributes


def _normalized(file: str) -> str:
    return file.replace("\\", "/").removeprefix("./")


def _numbers_by_value(names: Sequence[str]) -> type[int] | type[str]:
    return int if all(re.fullmatch(r"-?[0-9]{1,18}", name) for name in names) else str


def listed(names: Sequence[str] | Mapping[str, None], unit: str = "image", units: str | None = None) -> str:
    """Return the number of names and the first three of them."""
    shown = ", ".join(list(names)[:SHOWN])
    noun = unit if len(names) == 1 else units or f"{unit}s"
    return f"{len(names):,} {noun} ({shown}{', …' if len(names) > SHOWN else ''})"
