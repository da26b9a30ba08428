"""Score tables with a column per protocol and published scores for comparison."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rich.table import Table

from ganexp.errors import UserError
from ganexp.metrics.protocol import differences, weights_label
from ganexp.metrics.published import matching_published
from ganexp.metrics.scoring import Result
from ganexp.metrics.table import format_score
from ganexp.terminal.text import printable

COLUMN_WIDTH = 19
NARROWEST_NAME = 20

Results = Mapping[str, Sequence[Result]]


def score_tables(results: Results, width: int) -> Iterator[Table | str]:
    """Yield tables with a row per subject and a column per protocol, as many columns as fit into the width.

    Below them are published scores of the same data and metric, with the reasons against a comparison.
    """
    columns = protocols(results)
    names = max(NARROWEST_NAME, *(len(name) for name in results))
    fitting = max(1, (width - min(names, width // 2)) // COLUMN_WIDTH)
    for first in range(0, len(columns), fitting):
        yield score_table(results, columns[first : first + fitting])
    yield from incomparable(columns)


def score_table(results: Results, columns: Sequence[Mapping[str, Any]]) -> Table:
    """Return one table with the given columns."""
    table = Table()
    table.add_column("", overflow="fold")
    for protocol in columns:
        table.add_column(column_heading(results, protocol), justify="right", no_wrap=True)
    for name, scores in results.items():
        cells = [next((format_score(s.score) for s in scores if not differences(s.protocol, p)), "") for p in columns]
        table.add_row(printable(name), *cells)
    add_published(table, columns)
    return table


def column_heading(results: Results, protocol: Mapping[str, Any]) -> str:
    """Return a column's heading, with the weights of all subjects in it."""
    same = [s.protocol for scores in results.values() for s in scores if not differences(s.protocol, protocol)]
    weights = printable(" and ".join(dict.fromkeys(filter(None, map(weights_label, same)))))
    return f"{heading(protocol)}\n{weights}" if weights else heading(protocol)


def protocols(results: Results) -> list[dict[str, Any]]:
    """Return the distinct protocols in order of first appearance."""
    protocols: list[dict[str, Any]] = []
    for scores in results.values():
        for result in scores:
            if all(differences(result.protocol, other) for other in protocols):
                protocols.append(result.protocol)
    return protocols


def heading(protocol: Mapping[str, Any]) -> str:
    """Return a column's heading: metric, number of fakes, reference and its split."""
    reference, fakes = protocol["reference"], protocol["fakes"]
    against = (
        f"\n{reference['images']:,} real\n{printable(str(reference['data']))} {reference['split']}"
        if "images" in reference
        else ""
    )
    return f"{protocol['metric']}\n{fakes['samples']:,} fakes{against}"


def incomparable(columns: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Yield, for each metric with several protocols, the reasons why its columns are not comparable."""
    by_metric: dict[str, list[Mapping[str, Any]]] = {}
    for protocol in columns:
        by_metric.setdefault(protocol["metric"], []).append(protocol)
    for metric, (first, *others) in by_metric.items():
        reasons = dict.fromkeys(reason for other in others for reason in differences(first, other))
        if reasons:
            yield f"the columns of {metric} are not comparable: {'; '.join(reasons)}"


def add_published(table: Table, columns: Sequence[Mapping[str, Any]]) -> None:
    """Add a row for each published score that matches one of the columns."""
    for position, protocol in enumerate(columns):
        for entry, reasons in matching_published(protocol):
            cells = [""] * len(columns)
            mark = "comparable" if not reasons else f"not comparable: {'; '.join(reasons)}"
            cells[position] = f"{entry['value']:g}"
            table.add_row(f"published: {entry['model']} ({entry['source']}), {mark}", *cells, style="dim")


def rank(results: Results, name: str) -> str:
    """Return the subjects ranked from best to worst by one score.

    Raises UserError if they lack it, or have it under different protocols.
    """
    scored = {subject: [s for s in scores if s.name == name] for subject, scores in results.items()}
    for subject, matching in scored.items():
        if not matching:
            names = ", ".join(dict.fromkeys(s.name for s in results[subject]))
            raise UserError(f"rank={name}: {subject} has no such score; it has {names}")
        if len(matching) > 1:
            why = "; ".join(differences(matching[0].protocol, matching[1].protocol))
            raise UserError(f"rank={name}: it was computed under {len(matching)} protocols ({why}); choose one")
    first_subject, (first, *_) = next(iter(scored.items()))
    for subject, (result, *_) in scored.items():
        reasons = differences(first.protocol, result.protocol)
        if reasons:
            raise UserError(
                f"rank={name}: {first_subject} and {subject} were scored under different protocols, which cannot be "
                f"ranked together: {'; '.join(reasons)}"
            )
    order = sorted(scored, key=lambda subject: scored[subject][0].score.value, reverse=first.higher_is_better)
    lines = [
        f"{position}. {subject}  {format_score(scored[subject][0].score)}"
        for position, subject in enumerate(order, start=1)
    ]
    return f"by {name}, {'higher' if first.higher_is_better else 'lower'} is better:\n" + "\n".join(lines)
