"""Markdown table of training speed."""

from collections.abc import Sequence
from dataclasses import dataclass

HEADINGS = ("game", "loop", "images/s", "ms a batch", "fastest to slowest block", "against bare eager")
MEMORY = ("peak MiB", "reserved MiB", "first batch, s", "note")
BASELINE = "bare eager"


@dataclass(frozen=True)
class Row:
    """The measurements of one way to train one game; seconds are those of a batch."""

    game: str
    loop: str
    batch_size: int
    seconds: float | None = None
    fastest: float | None = None
    slowest: float | None = None
    peak_mib: float | None = None
    reserved_mib: float | None = None
    first_batch: float | None = None
    note: str = ""


def table(rows: Sequence[Row]) -> str:
    """Return the rows as a Markdown table, with the speed relative to the bare eager loop of the same game."""
    bare = {row.game: row.seconds for row in rows if row.loop == BASELINE}
    lines = [
        f"| {' | '.join((*HEADINGS, *MEMORY))} |",
        f"| --- | --- |{' ---: |' * (len(HEADINGS) + len(MEMORY) - 3)} --- |",
        *(f"| {' | '.join(cells(row, bare.get(row.game)))} |" for row in rows),
    ]
    return "\n".join(lines)


def cells(row: Row, bare: float | None) -> list[str]:
    """Return the cells of a row; ``bare`` is the time of the bare eager loop."""
    measured = row.seconds is not None
    times = [
        f"{row.batch_size / row.seconds:,.0f}" if row.seconds else "",
        milliseconds(row.seconds),
        f"{milliseconds(row.fastest)} to {milliseconds(row.slowest)}" if measured else "",
        f"{bare / row.seconds:.2f} x" if bare and row.seconds else "",
    ]
    memory = ["" if value is None else f"{value:,.0f}" for value in (row.peak_mib, row.reserved_mib)]
    first = "" if row.first_batch is None else f"{row.first_batch:.2f}"
    return [row.game, row.loop, *times, *memory, first, row.note.replace("|", "\\|").replace("\n", " ")]


def milliseconds(seconds: float | None) -> str:
    """Return seconds in milliseconds, by two decimals."""
    return "" if seconds is None else f"{seconds * 1e3:.2f}"
