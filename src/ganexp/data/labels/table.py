"""Labels of images from a file: names of classes or attributes, and the label of each image.

Free of heavy imports, because the configuration uses this module.
"""

import logging
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from ganexp.data.labels.rows import read_rows
from ganexp.data.problems import Problem, note_problem, report_problem
from ganexp.errors import UserError

log = logging.getLogger(__name__)

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


def label_table(path: str | Path) -> LabelTable:
    """Return the labels in a file (`read_rows` describes the formats).

    Classes are sorted by name, or by value if all are whole numbers. Raises UserError for a file that cannot be read,
    and for one that gives a file two labels.
    """
    file = Path(path).expanduser()
    # The configuration asks for the number of classes again and again.
    state = file.stat() if file.is_file() else None
    return _label_table(file, None if state is None else (state.st_mtime_ns, state.st_size))


@lru_cache(maxsize=2)
def _label_table(path: Path, state: tuple[int, int] | None) -> LabelTable:
    rows = read_rows(path)
    files = [_normalized(file) for file in rows.files]
    names = rows.attributes or sorted(set(rows.classes), key=_numbers_by_value(rows.classes))
    numbers = {name: number for number, name in enumerate(names)}
    values: Sequence[Label] = rows.values if rows.attributes else [numbers[name] for name in rows.classes]
    labels: dict[str, Label] = {}
    contrary: dict[str, None] = {}
    for file, value in zip(files, values, strict=True):
        if labels.setdefault(file, value) != value:
            contrary[file] = None
    if contrary:
        raise UserError(f"data.labels={path}: {_listed(contrary)} with two different labels: keep one row each")
    return LabelTable(path, labels, names, bool(rows.attributes))


def has_attributes(labels: str | None) -> bool:
    """Return whether a label file, if there is one, gives attributes instead of classes."""
    return labels is not None and label_table(labels).has_attributes


def labels_of_files(paths: Sequence[str], root: Path, table: LabelTable) -> list[Label]:
    """Return the label of each image below a folder.

    A row names an image by its path below the folder, or by the end of its path, such as its name alone. Rows without
    an image are logged, as a label file may cover more than one folder. Raises UserError, or reports a problem, for
    images without a row (which have the label 0 of an inspection then) and for rows that fit several images.
    """
    matches = [_row_of(path, root, table.labels) for path in paths]
    missing = [path for path, row in zip(paths, matches, strict=True) if row is None]
    if missing:
        shown = f"{_listed(missing)} of {len(paths):,} without a row in {table.path}"
        _refuse(f"data.labels: {shown}: add their rows, or remove them", "images without a row", missing)
    uses = Counter(row for row in matches if row is not None)
    shared = [row for row, number in uses.items() if number > 1]
    if shared:
        shown = f"{_listed(shared, 'row')} in {table.path} that fit several images"
        _refuse(f"data.labels: {shown}: give the paths below {root}", "rows that fit several images", shared)
    unused = [row for row in table.labels if row not in uses]
    if unused:
        text = f"{_listed(unused, 'row')} in {table.path} without an image in {root}"
        log.info("data: %s", text)
        problem = f"rows of {table.path} without an image"
        note_problem(Problem(problem, tuple(unused), "none, if the images are elsewhere"))
    unlabelled = (0,) * len(table.names) if table.has_attributes else 0
    return [unlabelled if row is None else table.labels[row] for row in matches]


def require_images(labels: Sequence[Label], table: LabelTable) -> None:
    """Raise UserError, or report a problem, for classes of a label file that none of the images has."""
    if table.has_attributes:
        return
    present = set(labels)
    absent = [name for number, name in enumerate(table.names) if number not in present]
    if absent:
        fix = f"remove their rows from {table.path}"
        error = UserError(f"data.labels: no image is of {_listed(absent, 'class', 'classes')}: {fix}")
        report_problem(error, Problem("data.labels: classes without images", tuple(absent), fix))


def _row_of(path: str, root: Path, labels: Mapping[str, Label]) -> str | None:
    return next((name for name in _names(path, root) if name in labels), None)


def _names(path: str, root: Path) -> Iterator[str]:
    """Yield what a row may call an image: its path below the folder, shorter ends of it, longer ends."""
    below = path.removeprefix(f"{root}/")
    yield below
    parts = below.split("/")
    for first in range(1, len(parts)):
        yield "/".join(parts[first:])
    above = root.absolute().parts
    for first in range(len(above) - 1, -1, -1):
        yield "/".join((*above[first:], below)).replace("//", "/")


def _normalized(file: str) -> str:
    return file.replace("\\", "/").removeprefix("./")


def _numbers_by_value(names: Sequence[str]) -> type[int] | type[str]:
    return int if all(re.fullmatch(r"-?[0-9]{1,18}", name) for name in names) else str


def _listed(names: Sequence[str] | Mapping[str, None], unit: str = "image", units: str | None = None) -> str:
    """Return the number of names and the first three of them."""
    shown = ", ".join(list(names)[:SHOWN])
    noun = unit if len(names) == 1 else units or f"{unit}s"
    return f"{len(names):,} {noun} ({shown}{', …' if len(names) > SHOWN else ''})"


def _refuse(message: str, what: str, where: Sequence[str]) -> None:
    report_problem(UserError(message), Problem(f"data.labels: {what}", tuple(where), "give each image its own row"))
