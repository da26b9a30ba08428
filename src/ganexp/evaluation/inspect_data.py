"""Inspection of a data set: statistics, problems and contact sheets."""

from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch
from omegaconf import DictConfig
from PIL import Image
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from ganexp.config.build import build
from ganexp.data.picture_set import PictureSet
from ganexp.data.pictures import is_sequential
from ganexp.data.problems import Problem, collect_problems
from ganexp.drawing.channels import of_one_shape
from ganexp.drawing.contact_sheet import contact_sheet
from ganexp.drawing.pictures import grid, save
from ganexp.errors import UserError
from ganexp.files.atomic import named_errors
from ganexp.inspection.duplicates import Duplicates
from ganexp.inspection.inspect import Inspection, inspect, problems_of, repeated
from ganexp.inspection.page import render
from ganexp.terminal.text import printable

NAMES_SHOWN = 10
CLASSES_SHOWN = 12
COLUMNS = 8
SHEET = "contact_sheet.png"
PROBLEMS = "problems.txt"
PAGE = "inspect.html"


def inspect_data(config: DictConfig, name: str, out: Path) -> None:
    """Inspect all pictures, print statistics and one line per problem, write contact sheets and a full problem list.

    Raises UserError if the data has no pictures, or if none can be read.
    """
    module = build(config)
    if not hasattr(module, "picture_sets"):
        raise UserError(
            f"data={name}: there are no pictures to inspect (points in the plane, or a custom class without "
            "picture_sets())"
        )
    console = Console(soft_wrap=True, highlight=False, markup=False, emoji=False)
    with collect_problems() as problems:
        collections, errors = open_picture_sets(module)
    if not collections:
        show(problems, console)
        raise errors[0]
    problems += [Problem("a split that cannot be opened", (str(error),), "as the message says") for error in errors]
    if any(is_sequential(collection.pictures) for collection in collections):
        raise UserError(
            f"data={name} is streamed: pack it first (python -m ganexp data pack …), then inspect the packed set"
        )
    duplicates, names, inspections = Duplicates(), [], []
    prefixes = [f"{collection.name}: " if len(collections) > 1 else "" for collection in collections]
    for prefix, collection in zip(prefixes, collections, strict=True):
        inspection, picture_names = inspect(collection, duplicates)
        names += [f"{prefix}{name}" for name in picture_names]
        inspections.append(inspection)
    problems += problems_of(inspections)
    problems = [*merged(problems), *repeated(duplicates, names)]
    console.print(as_table(inspections))
    show(problems, console)
    sheets = write(inspections, problems, out)
    summary = f"kinds of problems: {len(problems)}, all names in {out / PROBLEMS}" if problems else "no problems"
    drawn = f"; contact sheet{'s' * (len(sheets) > 1)}: {', '.join(map(str, sheets.values()))}" if sheets else ""
    console.print(printable(f"{summary}{drawn}"))
    seen = [(inspection, facts(inspection)) for inspection in inspections]
    sources = list(zip(prefixes, collections, strict=True))
    console.print(printable(write_page(out / PAGE, name, seen, problems, sources, sheets)))
    if not any(inspection.readable for inspection in inspections):
        raise UserError(f"data={name}: none of the pictures can be read")


def open_picture_sets(module: Any) -> tuple[list[PictureSet], list[UserError]]:
    """Return all collections that can be opened, and the errors of those that cannot."""
    collections: list[PictureSet] = []
    errors: list[UserError] = []
    for open_split in module.picture_sets().values():
        try:
            collections += open_split()
        except UserError as error:
            errors.append(error)
    return collections, errors


def show(problems: Iterable[Problem], console: Console) -> None:
    """Print one line per problem."""
    for problem in problems:
        console.print(printable(line_of(problem)))


def merged(problems: Iterable[Problem]) -> list[Problem]:
    """Return the problems with those of the same kind merged across collections."""
    places: dict[tuple[str, str], dict[str, None]] = {}
    for problem in problems:
        places.setdefault((problem.what, problem.fix), {}).update(dict.fromkeys(problem.where))
    return [Problem(what, tuple(where), fix) for (what, fix), where in places.items()]


def as_table(inspections: list[Inspection]) -> Table:
    """Return the statistics as a table with a column per collection."""
    table = Table(box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    table.add_column("")
    for inspection in inspections:
        table.add_column(printable(inspection.name), overflow="fold")
    for rows in zip(*map(facts, inspections), strict=True):
        table.add_row(rows[0][0], *(printable(text) for _, text in rows))
    return table


def facts(seen: Inspection) -> list[tuple[str, str]]:
    """Return the statistics as (heading, text)."""
    return [
        ("pictures", f"{seen.pictures:,}"),
        ("of these unreadable", f"{seen.unreadable:,}"),
        ("sizes", sizes(seen.sizes)),
        ("modes", counted(seen.modes)),
        ("bits per channel", counted(seen.depths)),
        ("classes", classes(seen.classes)),
        ("values shown", f"{seen.lowest:.3f} to {seen.highest:.3f}" if seen.readable else "-"),
    ]


def write_page(
    path: Path,
    name: str,
    inspections: list[tuple[Inspection, list[tuple[str, str]]]],
    problems: list[Problem],
    picture_sets: list[tuple[str, PictureSet]],
    sheets: dict[str, Path],
) -> str:
    """Write the page of the inspection, and return a line about it; without jinja2 there is none."""
    try:
        text = render(name, inspections, problems, picture_sets, sheets)
    except UserError as error:
        return str(error)
    with named_errors(path):
        path.write_text(text, encoding="utf-8", errors="replace")
    return f"as a page: {path}"


def sizes(counts: Counter[tuple[int, int]]) -> str:
    """Return the sizes as text: all of a few, or the smallest and the largest of many."""
    if len(counts) <= 3:
        return counted(Counter({f"{width}x{height}": number for (width, height), number in counts.items()}))
    (least, *_, largest) = sorted(counts, key=lambda size: size[0] * size[1])
    return f"{len(counts):,} different, {least[0]}x{least[1]} to {largest[0]}x{largest[1]}"


def counted(counts: Counter[Any]) -> str:
    """Return the values as text, with counts if there are several."""
    if len(counts) == 1:
        return str(next(iter(counts)))
    return ", ".join(f"{value}: {number:,}" for value, number in counts.most_common()) or "-"


def classes(counts: dict[str, int]) -> str:
    """Return the number of classes and their numbers of pictures, or only the smallest and the largest of many."""
    if not counts:
        return "no labels"
    least, most = min(counts, key=counts.__getitem__), max(counts, key=counts.__getitem__)
    if len(counts) > CLASSES_SHOWN:
        return f"{len(counts):,}, from {counts[least]:,} ({least}) to {counts[most]:,} ({most})"
    return f"{len(counts)}: " + ", ".join(f"{name} {number:,}" for name, number in counts.items())


def line_of(problem: Problem) -> str:
    """Return a problem as one line of text."""
    number = f" ({len(problem.where):,})" if problem.where else ""
    shown = "; ".join(problem.where[:NAMES_SHOWN])
    more = f"; and {len(problem.where) - NAMES_SHOWN:,} more" if len(problem.where) > NAMES_SHOWN else ""
    return f"{problem.what}{number}{': ' if shown else ''}{shown}{more}. Fix: {problem.fix}"


def write(inspections: list[Inspection], problems: list[Problem], out: Path) -> dict[str, Path]:
    """Write a contact sheet per collection, inputs next to their targets, and every problem with all file names.

    Returns the paths of the sheets by collection; one without a readable picture has none.
    """
    out.mkdir(parents=True, exist_ok=True)
    sheets = {}
    for inspection in inspections:
        if inspection.samples:
            stem = f"{inspection.name.replace('/', '-').replace(' ', '_')}_" if len(inspections) > 1 else ""
            sheets[inspection.name] = out / f"{stem}{SHEET}"
            save(sheet_of(inspection), sheets[inspection.name])
    lines = [f"{p.what}. Fix: {p.fix}\n" + "".join(f"  {place}\n" for place in p.where) for p in problems]
    # File names may contain bytes that are not valid text.
    with named_errors(out / PROBLEMS):
        (out / PROBLEMS).write_text("\n".join(lines), encoding="utf-8", errors="replace")
    return sheets


def sheet_of(inspection: Inspection) -> Image.Image:
    """Return the samples of a collection as a picture, each with the name of its class where there are classes."""
    sides = [torch.stack(side) for side in zip(*inspection.samples, strict=True)]
    tiles = torch.stack(of_one_shape(sides), 1).flatten(0, 1)
    if len(inspection.sample_classes) != len(tiles):
        return grid(tiles, COLUMNS)
    return contact_sheet(tiles, inspection.sample_classes, COLUMNS)
