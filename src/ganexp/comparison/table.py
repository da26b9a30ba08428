"""A ranking as a table of text."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import median

from ganexp.comparison.publications import publications
from ganexp.comparison.ranking import Entry, Ranking
from ganexp.comparison.run import Run
from ganexp.comparison.statistics import ENOUGH, Difference

MEGABYTE = 1e6


@dataclass
class Table:
    """Headings, rows of as many cells, and lines to be read with them; ``words`` counts the columns of text."""

    title: str
    headings: list[str]
    rows: list[list[str]]
    words: int
    notes: list[str] = field(default_factory=list)


def score_table(ranking: Ranking) -> Table:
    """Return who is best, by how much, and how sure that is."""
    settings = names(ranking)
    headings = [*settings, "mean ± std", "best", "seeds", "from the best", "95 % interval", "verdict"]
    rows = [
        [
            *setting_cells(entry, settings),
            mean_and_deviation(entry),
            figure(ranking.best_of(entry)),
            seeds(entry),
            *difference_cells(entry.from_best),
            ranking.verdict(entry),
        ]
        for entry in ranking.entries
    ]
    return Table(heading(ranking), headings, rows, len(settings), score_notes(ranking) + publications(ranking))


def cost_table(ranking: Ranking) -> Table:
    """Return what each cost."""
    settings = names(ranking)
    headings = [*settings, "images/s", "peak memory, MB", "parameters of G", "of D"]
    rows = [
        [
            *setting_cells(entry, settings),
            count(middle([run.images_per_second for run in runs(entry)])),
            count(middle([run.peak_memory_bytes for run in runs(entry)]), MEGABYTE),
            count(middle([run.parameters[0] for run in runs(entry)])),
            count(middle([run.parameters[1] for run in runs(entry)])),
        ]
        for entry in ranking.entries
    ]
    return Table("what it cost (medians over seeds)", headings, rows, len(settings), cost_notes(ranking))


def combined_table(ranking: Ranking) -> Table:
    """Return scores and costs in one table, which is wider than a terminal."""
    scores, costs = score_table(ranking), cost_table(ranking)
    rows = [score + cost[costs.words :] for score, cost in zip(scores.rows, costs.rows, strict=True)]
    headings = scores.headings + costs.headings[costs.words :]
    return Table(scores.title, headings, rows, scores.words, scores.notes + costs.notes)


def heading(ranking: Ranking) -> str:
    """Return what is ranked by what."""
    better = "higher" if ranking.higher_is_better else "lower"
    return f"{ranking.score} ({better} is better) at {ranking.at:,.0f} {ranking.budget}"


def score_notes(ranking: Ranking) -> list[str]:
    """Return what must be read with the scores."""
    spent = [reading.spent for entry in ranking.entries for reading in entry.readings]
    notes = []
    if max(spent) - min(spent) > 0.005 * ranking.at:
        notes.append(
            f"scores were taken at {min(spent):,.0f} to {max(spent):,.0f} {ranking.budget}, where runs had one"
        )
    fewest = min((entry.from_best.n for entry in ranking.entries if entry.from_best), default=None)
    if fewest is None:
        notes.append(
            "no two experiments have two seeds in common: repeat them with seed=0,1,2 to know more than a mean"
        )
    else:
        notes.append(
            "intervals are of the mean difference from the best, paired by seed, by bootstrap over the seeds; as these "
            "are too narrow for few seeds, «worse» is said only where Student's interval leaves out 0, too, widened "
            f"for {len(ranking.entries) - 1} comparisons"
        )
        if fewest < ENOUGH:
            notes.append(f"n={fewest}: an interval of fewer than {ENOUGH} seeds means little")
    return notes


def cost_notes(ranking: Ranking) -> list[str]:
    """Return what must be read with the costs."""
    every = [run for entry in ranking.entries for run in runs(entry)]
    devices = sorted({str(run.summary["device"]) for run in every if "device" in run.summary})
    where = sorted({str(run.summary["peak_memory_of"]) for run in every if "peak_memory_of" in run.summary})
    return [
        *([f"devices differ, so that speeds do, too: {', '.join(devices)}"] if len(devices) > 1 else []),
        *([f"peak memory is that of the {' or '.join(where)}"] if where else []),
    ]


def names(ranking: Ranking) -> list[str]:
    """Return the settings that tell the entries apart."""
    return list(dict.fromkeys(name for entry in ranking.entries for name in entry.experiment.settings))


def setting_cells(entry: Entry, settings: Sequence[str]) -> list[str]:
    """Return an entry's settings."""
    return [entry.experiment.settings.get(name, "") for name in settings]


def mean_and_deviation(entry: Entry) -> str:
    """Return the mean of the seeds with their standard deviation."""
    spread = "" if entry.deviation is None else f" ± {entry.deviation:.2g}"
    return f"{figure(entry.mean)}{spread}"


def seeds(entry: Entry) -> str:
    """Return how many seeds there are, and how many were meant to be."""
    there, meant = len(entry.readings), len(entry.experiment.runs)
    return str(there) if there == meant else f"{there} of {meant}"


def difference_cells(difference: Difference | None) -> list[str]:
    """Return the mean difference and its interval."""
    if difference is None:
        return ["", ""]
    low, high = difference.bootstrap
    return [f"{difference.mean:+.3g}", f"{low:+.3g} to {high:+.3g} (n={difference.n})"]


def runs(entry: Entry) -> list[Run]:
    """Return an entry's runs."""
    return [reading.run for reading in entry.readings]


def middle(values: Sequence[float | None]) -> float | None:
    """Return the median of what is known."""
    known = [value for value in values if value is not None]
    return median(known) if known else None


def figure(value: float) -> str:
    """Return a score as text."""
    return f"{value:.4g}"


def count(value: float | None, unit: float = 1.0) -> str:
    """Return a whole number of units, nothing where it is not known."""
    return "" if value is None else f"{value / unit:,.0f}"
