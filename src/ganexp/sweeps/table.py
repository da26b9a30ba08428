"""Sweep table: sweep.csv and sweep.md, made from the runs' folders."""

import csv
import dataclasses
import io
import math
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from string import ascii_lowercase
from typing import Any

from rich.console import Console

from ganexp.comparison.documents import markdown_cell, markdown_row, safe_cell
from ganexp.evaluation.score_table import heading, incomparable, protocols
from ganexp.metrics.protocol import differences, weights_label
from ganexp.metrics.score import Score
from ganexp.metrics.scoring import Result
from ganexp.metrics.table import format_score
from ganexp.records import summary
from ganexp.sweeps import status
from ganexp.sweeps.status import Outcome
from ganexp.terminal.tables import table_of_words
from ganexp.terminal.text import printable

ORDER = (
    summary.FINISHED,
    summary.PRUNED,
    summary.RUNNING,
    summary.STOPPED,
    status.UNFINISHED,
    summary.CRASHED,
    summary.REFUSED,
)

LETTERS = [*ascii_lowercase, *(f"{a}{b}" for a in ascii_lowercase for b in ascii_lowercase)]


@dataclass(frozen=True)
class Row:
    """One run: its folder, outcome and score, and its place among the finished runs with the same protocol."""

    folder: str
    run: Outcome
    overrides: Mapping[str, str]
    score: Result | None
    place: int | None = None


@dataclass(frozen=True)
class Table:
    """All runs of a sweep, the best first; ``keys`` are the overrides that differ; each protocol has a column."""

    folder: Path
    rows: Sequence[Row]
    keys: Sequence[str]
    shared: Mapping[str, str]
    protocols: Sequence[Mapping[str, Any]]


def read(folder: Path) -> Table:
    """Return the table of the sweep in ``folder``."""
    rows = [read_row(run_folder, folder) for run_folder in sorted(status.run_folders(folder))]
    columns = protocols({row.folder: [row.score] for row in rows if row.score is not None})
    everywhere = dict.fromkeys(key for row in rows for key in row.overrides)
    keys = [key for key in everywhere if len({row.overrides.get(key) for row in rows}) > 1]
    shared = {key: rows[0].overrides[key] for key in everywhere if key not in keys}
    return Table(folder, ranked(rows, columns), keys, shared, columns)


def read_row(folder: Path, sweep: Path) -> Row:
    """Return the row of the run in ``folder``."""
    run = current_outcome(folder)
    overrides = dict(override.lstrip("+").partition("=")[::2] for override in run.overrides)
    return Row(str(folder.relative_to(sweep)), run, overrides, result(run.score))


def current_outcome(folder: Path) -> Outcome:
    """Return the outcome of the run in ``folder`` so far; without a process that holds its lock it is not running."""
    run = status.read(folder) or Outcome(status.UNFINISHED)
    if run.status != summary.RUNNING:
        return run
    with status.locked(folder) as free:
        return dataclasses.replace(run, status=status.UNFINISHED) if free else run


def result(entry: Mapping[str, Any] | None) -> Result | None:
    """Return the result of an entry of scores.json, None if its protocol cannot be read."""
    if entry is None or not is_legible(entry["protocol"]):
        return None
    score = Score(entry["value"], entry["spread"])
    return Result(entry["name"], score, entry["higher_is_better"], entry["protocol"])


def is_legible(protocol: Mapping[str, Any]) -> bool:
    """Return whether a protocol, which somebody else may have written, has what a column's heading says."""
    try:
        return isinstance(protocol["metric"], str) and bool(heading(protocol))
    except (KeyError, TypeError, ValueError):
        return False


def ranked(rows: Sequence[Row], columns: Sequence[Mapping[str, Any]]) -> list[Row]:
    """Return the finished runs by protocol, best first, then the others."""
    placed = []
    for protocol in columns:
        comparable = [row for row in rows if row.run.status == summary.FINISHED and is_scored_by(row, protocol)]
        for place, row in enumerate(sorted(comparable, key=sort_key), start=1):
            placed.append(dataclasses.replace(row, place=place))
    folders = {row.folder for row in placed}
    others = [row for row in rows if row.folder not in folders]
    return [*placed, *sorted(others, key=lambda row: ORDER.index(row.run.status))]


def is_scored_by(row: Row, protocol: Mapping[str, Any]) -> bool:
    """Return whether the run's score follows the protocol."""
    return row.score is not None and not differences(row.score.protocol, protocol)


def sort_key(row: Row) -> float:
    """Return a number that is lower for a better score; NaN sorts last."""
    assert row.score is not None
    value = row.score.score.value
    if math.isnan(value):
        return math.inf
    return -value if row.score.higher_is_better else value


def write(folder: Path) -> Table:
    """Write sweep.csv and sweep.md of the runs so far, and return the table."""
    table = read(folder)
    replace(folder / "sweep.csv", as_csv(table))
    replace(folder / "sweep.md", as_markdown(table))
    return table


def replace(path: Path, text: str) -> None:
    """Write a file atomically, also when several processes write it."""
    with tempfile.NamedTemporaryFile(
        "w", encoding="utf-8", dir=path.parent, prefix=f".{path.name}.", delete=False
    ) as unfinished:
        unfinished.write(text)
    Path(unfinished.name).chmod(0o644)
    Path(unfinished.name).replace(path)


def as_csv(table: Table) -> str:
    """Return the table as CSV: full precision, a column for each override that differs and for each score."""
    text = io.StringIO()
    scores = [name for title in titles(table) for name in (title, f"{title}_spread")]
    columns = ["place", *table.keys, *scores, "images", "seconds", "status", "reason", "folder", "overrides"]
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(map(safe_cell, columns))
    for row in table.rows:
        scored = [
            row.score.score if row.score and is_scored_by(row, protocol) else None for protocol in table.protocols
        ]
        figures = [figure for score in scored for figure in ((score.value, score.spread) if score else (None, None))]
        run = row.run
        overrides = [row.overrides.get(key) for key in table.keys]
        facts = [run.images, run.seconds, run.status, run.reason, row.folder, " ".join(run.overrides)]
        writer.writerow(map(safe_cell, [row.place, *overrides, *figures, *facts]))
    return text.getvalue()


def titles(table: Table) -> list[str]:
    """Return each protocol's metric, with a letter if several protocols share it."""
    names = [str(protocol["metric"]) for protocol in table.protocols]
    return [
        name if names.count(name) == 1 else f"{name}_{LETTERS[names[:n].count(name)]}" for n, name in enumerate(names)
    ]


def cells(table: Table) -> tuple[list[str], list[list[str]]]:
    """Return the column names and the formatted rows."""
    letters = reasons(table)
    columns = ["", *table.keys, *titles(table), "images", "seconds", "status", "folder"]
    return columns, [
        [
            str(row.place or ""),
            *(short(row.overrides.get(key, "")) for key in table.keys),
            *(
                format_score(row.score.score) if row.score and is_scored_by(row, protocol) else ""
                for protocol in table.protocols
            ),
            f"{row.run.images:,}" if row.run.images is not None else "",
            f"{row.run.seconds:.0f}" if row.run.seconds is not None else "",
            f"{row.run.status} ({letters[row.run.reason]})" if row.run.reason else row.run.status,
            row.folder,
        ]
        for row in table.rows
    ]


def short(value: str) -> str:
    """Return a long number, as proposed by a search, in four digits; anything else unchanged."""
    try:
        return f"{float(value):.4g}" if len(value) > len("0.00012") else value
    except ValueError:
        return value


def reasons(table: Table) -> dict[str, str]:
    """Return a letter for each reason why a run did not finish."""
    return dict(zip(dict.fromkeys(filter(None, (row.run.reason for row in table.rows))), LETTERS, strict=False))


def notes(table: Table) -> Iterator[str]:
    """Yield the shared overrides, each score's protocol, scores that are not comparable, and reasons for failures."""
    if table.shared:
        yield "All runs: " + " ".join(f"{key}={value}" for key, value in table.shared.items())
    for title, protocol in zip(titles(table), table.protocols, strict=True):
        same = [row.score.protocol for row in table.rows if row.score and is_scored_by(row, protocol)]
        weights = dict.fromkeys(filter(None, map(weights_label, same)))
        yield f"{title}: " + ", ".join([*heading(protocol).splitlines()[1:], *weights])
    yield from incomparable(table.protocols)
    yield from (f"({letter}) {reason}" for reason, letter in reasons(table).items())


def as_markdown(table: Table) -> str:
    """Return the table as Markdown."""
    columns, rows = cells(table)
    body = "\n".join(map(markdown_row, [columns, ["---"] * len(columns), *rows]))
    return "\n\n".join([f"# {markdown_cell(table.folder.name)}", body, *map(markdown_cell, notes(table))]) + "\n"


def show(table: Table) -> None:
    """Print the table without the folders, whose names repeat the overrides."""
    columns, rows = cells(table)
    console = Console(markup=False, emoji=False)
    console.print(table_of_words(console, str(table.folder), columns[:-1], [line[:-1] for line in rows]))
    for note in notes(table):
        console.print(printable(note), highlight=False)
