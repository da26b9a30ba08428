"""CSV, Markdown and LaTeX output of a comparison's tables."""

import csv
import html
import io
import re
from collections.abc import Sequence
from typing import Any

from ganexp.comparison.ranking import Entry, Ranking
from ganexp.comparison.table import Table, median_of_known, names, runs

TO_LATEX = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "±": r"$\pm$",
    "«": "``",
    "»": "''",
    **{symbol: f"\\{symbol}" for symbol in "&%$#_{}"},
}


def as_csv(rankings: Sequence[Ranking]) -> str:
    """Return one row per experiment with numbers at full precision; column names carry their units."""
    settings = list(dict.fromkeys(name for ranking in rankings for name in names(ranking)))
    rows = [
        {**{name: entry.experiment.settings.get(name, "") for name in settings}, **numbers(number, ranking, entry)}
        for number, ranking in enumerate(rankings, start=1)
        for entry in ranking.entries
    ]
    text = io.StringIO()
    if rows:
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(map(safe_cell, rows[0]))
        writer.writerows(map(safe_cell, row.values()) for row in rows)
    return text.getvalue()


def numbers(number: int, ranking: Ranking, entry: Entry) -> dict[str, Any]:
    """Return an entry's numbers by column; rows of different ``protocol`` numbers may not be compared."""
    difference = entry.from_best
    return {
        "protocol": number,
        "score": ranking.score,
        "higher_is_better": ranking.higher_is_better,
        f"budget_{ranking.budget}": ranking.at,
        "mean": entry.mean,
        "std": entry.deviation,
        "best": ranking.best_of(entry),
        "seeds": " ".join(entry.by_seed),
        "values": " ".join(map(repr, entry.values)),
        "from_best": difference and difference.mean,
        "pairs": difference and difference.n,
        "bootstrap_low": difference and difference.bootstrap[0],
        "bootstrap_high": difference and difference.bootstrap[1],
        "student_low": difference and difference.student[0],
        "student_high": difference and difference.student[1],
        "verdict": ranking.verdict(entry),
        "images_per_second": median_of_known([run.images_per_second for run in runs(entry)]),
        "peak_memory_bytes": median_of_known([run.peak_memory_bytes for run in runs(entry)]),
        "generator_parameters": median_of_known([run.parameters[0] for run in runs(entry)]),
        "discriminator_parameters": median_of_known([run.parameters[1] for run in runs(entry)]),
    }


def safe_cell(value: Any) -> Any:
    """Return a value that spreadsheets do not take for a formula; numbers stay as they are."""
    if not isinstance(value, str) or value.lstrip()[:1] not in ("=", "+", "-", "@"):
        return value
    try:
        float(value)
    except ValueError:
        return f"'{value}"
    return value


def as_markdown(tables: Sequence[Table], remarks: Sequence[str]) -> str:
    """Return the tables as Markdown, with their notes and the remarks."""
    parts = []
    for table in tables:
        aligned = ["---"] * table.text_columns + ["---:"] * (len(table.headings) - table.text_columns)
        lines = [markdown_row(table.headings), f"| {' | '.join(aligned)} |", *map(markdown_row, table.rows)]
        parts += [f"**{markdown_cell(table.title)}**", "\n".join(lines), *(markdown_cell(note) for note in table.notes)]
    parts += ["\n".join(f"- {markdown_cell(remark)}" for remark in remarks)] if remarks else []
    return "\n\n".join(parts) + "\n"


def markdown_row(cells: Sequence[str]) -> str:
    """Return a row of a table."""
    return f"| {' | '.join(map(markdown_cell, cells))} |"


def markdown_cell(text: str) -> str:
    """Return text with the characters escaped that would end a cell or start HTML."""
    return html.escape(" ".join(text.split()), quote=False).replace("|", "\\|")


def as_latex(tables: Sequence[Table]) -> str:
    """Return the tables as LaTeX for the booktabs package."""
    return "\n".join(latex_table(table) for table in tables)


def latex_table(table: Table) -> str:
    """Return one table as LaTeX."""
    columns = "l" * table.text_columns + "r" * (len(table.headings) - table.text_columns)
    notes = f"{table.title}. {'. '.join(table.notes)}"
    return "\n".join(
        [
            r"\begin{table}",
            rf"\caption{{{latex(notes)}}}",
            rf"\begin{{tabular}}{{{columns}}}",
            r"\toprule",
            latex_row(table.headings),
            r"\midrule",
            *map(latex_row, table.rows),
            r"\bottomrule",
            r"\end{tabular}",
            r"\end{table}",
            "",
        ]
    )


def latex_row(cells: Sequence[str]) -> str:
    """Return a row of a table."""
    return f"{' & '.join(map(latex, cells))} \\\\"


def latex(text: str) -> str:
    """Return text with LaTeX's special characters escaped."""
    return re.sub(r"[\\~^±«»&%$#_{}]", lambda match: TO_LATEX[match[0]], " ".join(text.split()))
