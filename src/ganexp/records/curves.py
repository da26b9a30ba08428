"""Metric curves of a run, read from metrics.csv."""

import csv
import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ganexp.files.untrusted import read_text

FILE = "metrics.csv"
X = "images"
SHOWN_PROBLEMS = 3

Numbers = NDArray[np.float64]


@dataclass(frozen=True)
class Curve:
    """Values (points,) of a metric by images seen (points,), in order; rows without a value are left out."""

    images: Numbers
    values: Numbers


@dataclass(frozen=True)
class Curves:
    """The curves of a run by column name, the last number of images seen, and problems in the file."""

    curves: dict[str, Curve] = field(default_factory=dict)
    images_seen: int = 0
    problems: tuple[str, ...] = ()


def all_points(name: str) -> None:
    """Limit no column's points."""


def read_curves(path: Path, at_most: Callable[[str], int | None] = all_points) -> Curves:
    """Return the columns of a metrics.csv; broken lines are left out and listed as problems.

    ``at_most`` gives the maximum number of points of a column, spread evenly over its rows; None for all. Empty and
    non-finite cells are left out.
    """
    try:
        first, *lines = read_text(path).splitlines() or [""]
        header = next(csv.reader([first]), [])
    except FileNotFoundError:
        return Curves(problems=(f"there is no {path.name}",))
    except (OSError, csv.Error) as error:
        return Curves(problems=(f"{path.name} cannot be read: {getattr(error, 'strerror', None) or error}",))
    # Numbers are never quoted, and a quote in a broken line must not swallow the lines after it.
    rows = [line.split(",") for line in lines]
    complete = [row for row in rows if len(row) == len(header)]
    if X not in header or not complete:
        return Curves(problems=(f"{path.name} has no rows with a number of images",))
    problems = []
    if len(complete) < len(rows):
        lengths = ((number, len(row)) for number, row in enumerate(rows, start=2))
        problems = [f"line {number}: {n} of {len(header)} values" for number, n in lengths if n != len(header)]
    images, bad = numbers([row[header.index(X)] for row in complete], X)
    problems += bad
    curves = {}
    for column, name in enumerate(header):
        if name != X:
            indices = rows_with(complete, column, at_most(name))
            values, bad = numbers([complete[row][column] for row in indices], name)
            problems += bad
            curves[name] = in_order(images[indices], values)
    finite = images[np.isfinite(images)]
    return Curves(curves, int(finite.max()) if len(finite) else 0, tuple(summarize_problems(path.name, problems)))


def rows_with(rows: Sequence[Sequence[str]], column: int, at_most: int | None) -> list[int]:
    """Return the rows with a value in a column; of more than ``at_most`` rows, the last in each of as many parts."""
    if at_most is None or len(rows) <= at_most:
        return [number for number, row in enumerate(rows) if row[column]]
    ends = np.linspace(0, len(rows), at_most + 1).round().astype(int).tolist()
    parts = (range(end - 1, begin - 1, -1) for begin, end in itertools.pairwise(ends))
    last = (next((number for number in part if rows[number][column]), None) for part in parts)
    return [number for number in last if number is not None]


def in_order(images: Numbers, values: Numbers) -> Curve:
    """Return the points whose two numbers are finite, sorted by images, as files joined by hand may be unsorted."""
    indices = np.flatnonzero(np.isfinite(images) & np.isfinite(values))
    indices = indices[np.argsort(images[indices], kind="stable")]
    return Curve(images[indices], values[indices])


def numbers(cells: Sequence[str], name: str) -> tuple[Numbers, list[str]]:
    """Return a column's numbers, NaN for empty and invalid cells, and a description of each invalid cell."""
    try:
        return np.array([float(cell) if cell else np.nan for cell in cells]), []
    except ValueError:
        values = [number(cell) for cell in cells]
        bad = [f"{name} is {cell[:20]!r}" for cell, value in zip(cells, values, strict=True) if cell and value is None]
        return np.array([np.nan if value is None else value for value in values]), bad


def number(cell: str) -> float | None:
    """Return a cell's number, None if it is not one."""
    try:
        return float(cell)
    except ValueError:
        return None


def summarize_problems(name: str, problems: Sequence[str]) -> list[str]:
    """Return the first problems and the number of further ones, as one line."""
    if not problems:
        return []
    more = f" and {len(problems) - SHOWN_PROBLEMS} more" if len(problems) > SHOWN_PROBLEMS else ""
    return [f"{name}: left out {'; '.join(problems[:SHOWN_PROBLEMS])}{more}"]
