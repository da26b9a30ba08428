"""metrics.csv, a column at a time."""

import csv
import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

FILE = "metrics.csv"
X = "images"
SHOWN_PROBLEMS = 3

Numbers = NDArray[np.float64]


@dataclass(frozen=True)
class Curve:
    """A figure (points,) by the number of images seen (points,), in order; rows without the figure are left out."""

    images: Numbers
    values: Numbers


@dataclass(frozen=True)
class Curves:
    """The curves of a run by their columns, the last number of images, and what of the file could not be read."""

    curves: dict[str, Curve] = field(default_factory=dict)
    images_seen: int = 0
    problems: tuple[str, ...] = ()


def all_points(name: str) -> None:
    """Want every point of each column."""


def read_curves(path: Path, at_most: Callable[[str], int | None] = all_points) -> Curves:
    """Return the columns of a metrics.csv; a line that is broken is left out, and named.

    ``at_most`` is how many points of a column are wanted, evenly over its rows; None wants all. Cells that are empty
    or not finite are no points.
    """
    try:
        text = path.read_text("utf-8", errors="replace")
    except OSError:
        return Curves(problems=(f"there is no {path.name}",))
    first, *lines = text.splitlines() or [""]
    header = next(csv.reader([first]), [])
    # Numbers are never quoted, and a quote in a broken line must not swallow those that follow.
    rows = [line.split(",") for line in lines]
    whole = [row for row in rows if len(row) == len(header)]
    if X not in header or not whole:
        return Curves(problems=(f"{path.name} has no rows with a number of images",))
    problems = []
    if len(whole) < len(rows):
        lengths = ((number, len(row)) for number, row in enumerate(rows, start=2))
        problems = [f"line {number}: {n} of {len(header)} values" for number, n in lengths if n != len(header)]
    images, bad = numbers([row[header.index(X)] for row in whole], X)
    problems += bad
    curves = {}
    for place, name in enumerate(header):
        if name != X:
            there = rows_with(whole, place, at_most(name))
            values, bad = numbers([whole[row][place] for row in there], name)
            problems += bad
            curves[name] = in_order(images[there], values)
    known = images[np.isfinite(images)]
    return Curves(curves, int(known.max()) if len(known) else 0, tuple(summarize_problems(path.name, problems)))


def rows_with(rows: Sequence[Sequence[str]], place: int, at_most: int | None) -> list[int]:
    """Return the rows that have a figure at a place; where these may be too many, the last of each of so many parts."""
    if at_most is None or len(rows) <= at_most:
        return [number for number, row in enumerate(rows) if row[place]]
    ends = np.linspace(0, len(rows), at_most + 1).round().astype(int).tolist()
    parts = (range(end - 1, begin - 1, -1) for begin, end in itertools.pairwise(ends))
    last = (next((number for number in part if rows[number][place]), None) for part in parts)
    return [number for number in last if number is not None]


def in_order(images: Numbers, values: Numbers) -> Curve:
    """Return the points that have both numbers, by the number of images; files joined by hand are in no order."""
    there = np.flatnonzero(np.isfinite(images) & np.isfinite(values))
    there = there[np.argsort(images[there], kind="stable")]
    return Curve(images[there], values[there])


def numbers(cells: Sequence[str], name: str) -> tuple[Numbers, list[str]]:
    """Return a column's numbers, NaN for an empty cell and for one that is none, and the latter in words."""
    try:
        return np.array([float(cell) if cell else np.nan for cell in cells]), []
    except ValueError:
        found = [number(cell) for cell in cells]
        bad = [f"{name} is {cell[:20]!r}" for cell, value in zip(cells, found, strict=True) if cell and value is None]
        return np.array([np.nan if value is None else value for value in found]), bad


def number(cell: str) -> float | None:
    """Return a cell's number, None where it has none."""
    try:
        return float(cell)
    except ValueError:
        return None


def summarize_problems(name: str, problems: Sequence[str]) -> list[str]:
    """Return the first problems, and how many there are in all."""
    if not problems:
        return []
    more = f" and {len(problems) - SHOWN_PROBLEMS} more" if len(problems) > SHOWN_PROBLEMS else ""
    return [f"{name}: left out {'; '.join(problems[:SHOWN_PROBLEMS])}{more}"]
