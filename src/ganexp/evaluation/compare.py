"""Comparison of runs, with tables in the terminal and a report on disk."""

from collections.abc import Sequence
from pathlib import Path

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table as RichTable
from rich.text import Text

from ganexp.comparison.budgets import BUDGETS
from ganexp.comparison.comparison import Comparison, by_reason, compare
from ganexp.comparison.documents import as_csv, as_latex, as_markdown
from ganexp.comparison.finding import find_runs
from ganexp.comparison.page import render
from ganexp.comparison.table import Table
from ganexp.config.messages import unknown
from ganexp.errors import UserError
from ganexp.files.atomic import named_errors
from ganexp.terminal.tables import table_of_words
from ganexp.terminal.text import printable

PAGE = "report.html"
SHORT = "verdict"
"""The column that is not wrapped in a narrow terminal."""


def compare_runs(paths: Sequence[str], score: str | None, budget: str, at: float | None, out: Path) -> None:
    """Compare the runs at the given paths."""
    if budget not in BUDGETS:
        raise UserError(unknown(f"budget={budget}", "budget", budget, list(BUDGETS)))
    if at is not None and not 0 < at < float("inf"):
        raise UserError(f"at={at}: a number above 0 is expected, such as at=50000")
    comparison = compare(find_runs(paths), score, budget, at)
    console = Console(highlight=False, markup=False, emoji=False)
    show(comparison, console)
    write(comparison, out)
    console.print(printable(f"report: {out / PAGE}; tables: compare.csv, .md and .tex in the same folder"))


def write(comparison: Comparison, out: Path) -> None:
    """Write the report page and the tables to a folder."""
    lines = remarks(comparison)
    # All are rendered before the first is written, so that they agree.
    files = {
        PAGE: render(comparison, lines),
        "compare.csv": as_csv(comparison.ranked.rankings),
        "compare.md": as_markdown(comparison.tables, lines),
        "compare.tex": as_latex(comparison.tables),
    }
    out.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        # Folder names may contain bytes that are not valid text.
        with named_errors(out / name):
            (out / name).write_text(text, encoding="utf-8", errors="replace")


def show(comparison: Comparison, console: Console) -> None:
    """Print the tables and the remarks on them."""
    for table in comparison.tables:
        console.print(as_rich(table, console))
        for note in table.notes:
            console.print(printable(f"  {note}"))
    for line in remarks(comparison):
        console.print(printable(line))


def as_rich(table: Table, console: Console) -> RichTable | Text:
    """Return the table as a rich table that fits into the console, or as lists in a narrow one."""
    return table_of_words(
        console,
        table.title,
        table.headings,
        table.rows,
        table.text_columns,
        unbroken=(SHORT,),
        box=SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
    )


def remarks(comparison: Comparison) -> list[str]:
    """Return remarks on the tables: other protocols, published scores, omitted runs, unreadable files."""
    ranked = comparison.ranked
    lines = [
        f"{ranked.score} was computed under {len(ranked.rankings)} protocols, which cannot be ranked together: {reason}"
        for reason in ranked.differences
    ]
    return lines + by_reason((run.folder, f"not ranked: {why}") for run, why in ranked.left_out) + comparison.remarks
