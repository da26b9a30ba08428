"""metrics.csv, a column at a time."""

import csv
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

    ``at_most`` is how many points of a column are wanted, evenly among its rows; None wants all. Cells that are empty
    or not finite are no points.
    """
    try:
        with path.open(newline="", encoding="utf-8", errors="replace") as file:
            header, *rows = csv.reader(file)
    except OSError:
        return Curves(problems=(f"there is no {path.name}",))
    except (ValueError, csv.Error):
        return Curves(problems=(f"{path.name} has no rows that can be read",))
    problems = [
        f"line {number}: {len(row)} of {len(header)} values"
        for number, row in enumerate(rows, 2)
        if not fits(row, header)
    ]
    columns = dict(zip(header, zip(*(row for row in rows if fits(row, header)), strict=True), strict=False))
    if X not in columns:
        return Curves(problems=(f"{path.name} has no rows with a number of images",))
    images, bad = numbers(columns.pop(X), X)
    problems += bad
    curves = {}
    for name, cells in columns.items():
        rows_of_it = evenly([row for row, cell in enumerate(cells) if cell], at_most(name))
        values, bad = numbers([cells[row] for row in rows_of_it], name)
        problems += bad
        curves[name] = in_order(images[rows_of_it], values)
    known = images[np.isfinite(images)]
    return Curves(curves, int(known.max()) if len(known) else 0, tuple(told(path.name, problems)))


def evenly(rows: list[int], at_most: int | None) -> list[int]:
    """Return so many of the rows at equal distances, the first and the last among them."""
    if at_most is None or len(rows) <= at_most:
        return rows
    return [rows[place] for place in np.linspace(0, len(rows) - 1, at_most).round().astype(int)]


def in_order(images: Numbers, values: Numbers) -> Curve:
    """Return the points that have both numbers, by the number of images; files joined by hand are in no order."""
    there = np.flatnonzero(np.isfinite(images) & np.isfinite(values))
    there = there[np.argsort(images[there], kind="stable")]
    return Curve(images[there], values[there])


def fits(row: Sequence[str], header: Sequence[str]) -> bool:
    """Return whether a row has a value, perhaps an empty one, for each column."""
    return len(row) == len(header)


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


def told(name: str, problems: Sequence[str]) -> list[str]:
    """Return the first problems, and how many there are in all."""
    if not problems:
        return []
    more = f" and {len(problems) - SHOWN_PROBLEMS} more" if len(problems) > SHOWN_PROBLEMS else ""
    return [f"{name}: left out {'; '.join(problems[:SHOWN_PROBLEMS])}{more}"]
