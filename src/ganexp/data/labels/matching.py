"""Labels of the images in a folder, by the rows of a label file.

Free of heavy imports, because the configuration uses this package.
"""

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from ganexp.data.labels.table import Label, LabelTable, listed
from ganexp.data.problems import Problem, note_problem, report_problem
from ganexp.errors import UserError

log = logging.getLogger(__name__)


def labels_of_files(paths: Sequence[str], root: Path, table: LabelTable) -> list[Label]:
    """Return the label of each image below a folder.

    A row names an image by its path below the folder, or by the end of its path, such as its name alone. Rows without
    an image are logged, as a label file may cover more than one folder. Raises UserError, or reports a problem, for
    images without a row (which have the label 0 of an inspection then) and for rows that fit several images.
    """
    matches = [_row_of(path, root, table.labels) for path in paths]
    missing = [path for path, row in zip(paths, matches, strict=True) if row is None]
    if missing:
        shown = f"{listed(missing)} of {len(paths):,} without a row in {table.path}"
        _refuse(f"data.labels: {shown}: add their rows, or remove them", "images without a row", missing)
    used, shared = _once_and_again(row for row in matches if row is not None)
    if shared:
        shown = f"{listed(shared, 'row')} in {table.path} that fit several images"
        _refuse(f"data.labels: {shown}: give the paths below {root}", "rows that fit several images", shared)
    unused = [row for row in table.labels if row not in used]
    if unused:
        text = f"{listed(unused, 'row')} in {table.path} without an image in {root}"
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
        error = UserError(f"data.labels: no image is of {listed(absent, 'class', 'classes')}: {fix}")
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


def _once_and_again(rows: Iterable[str]) -> tuple[set[str], list[str]]:
    """Return the set of all rows, and those that occur more than once."""
    used: set[str] = set()
    again: dict[str, None] = {}
    for row in rows:
        if row in used:
            again[row] = None
        used.add(row)
    return used, list(again)


def _refuse(message: str, what: str, where: Sequence[str]) -> None:
    report_problem(UserError(message), Problem(f"data.labels: {what}", tuple(where), "give each image its own row"))
