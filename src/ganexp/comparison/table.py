"""Text tables of a ranking: scores and costs."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import median

from ganexp.comparison.publications import publications
from ganexp.comparison.ranking import Entry, Ranking
from ganexp.comparison.run_record import RunRecord
from ganexp.comparison.statistics import MIN_SEEDS, Difference
from ganexp.metrics.protocol import differences, weights_label

MEGABYTE = 1e6


@dataclass
class Table:
    """Headings, rows with a cell per heading, and notes; columns are text up to ``text_columns``, then numbers."""

    title: str
    headings: list[str]
    rows: list[list[str]]
    text_columns: int
    notes: list[str] = field(default_factory=list)


def score_table(ranking: Ranking) -> Table:
    """Return the scores with differences from the best, intervals and verdicts."""
    settings = names(ranking)
    headings = [*settings, "mean ± std", "best", "seeds", "from the best", "95 % interval", "verdict"]
    rows = [
        [
            *setting_cells(entry, settings),
            mean_and_deviation(entry),
            format_score(ranking.best_of(entry)),
            seeds(entry),
            *difference_cells(entry.from_best),
            ranking.verdict(entry),
        ]
        for entry in ranking.entries
    ]
    return Table(heading(ranking), headings, rows, len(settings), score_notes(ranking) + publications(ranking))


def cost_table(ranking: Ranking) -> Table:
    """Return speed, memory and parameters of each experiment."""
    settings = names(ranking)
    headings = [*settings, "images/s", "peak memory, MB", "G parameters", "D parameters"]
    rows = [
        [
            *setting_cells(entry, settings),
            format_count(median_of_known([run.images_per_second for run in runs(entry)])),
            format_count(median_of_known([run.peak_memory_bytes for run in runs(entry)]), MEGABYTE),
            format_count(median_of_known([run.parameters[0] for run in runs(entry)])),
            format_count(median_of_known([run.parameters[1] for run in runs(entry)])),
        ]
        for entry in ranking.entries
    ]
    return Table("cost (medians over seeds)", headings, rows, len(settings), cost_notes(ranking))


def combined_table(ranking: Ranking) -> Table:
    """Return scores and costs in one table, for the page."""
    scores, costs = score_table(ranking), cost_table(ranking)
    rows = [score + cost[costs.text_columns :] for score, cost in zip(scores.rows, costs.rows, strict=True)]
    headings = scores.headings + costs.headings[costs.text_columns :]
    return Table(scores.title, headings, rows, scores.text_columns, scores.notes + costs.notes)


def heading(ranking: Ranking) -> str:
    """Return the title: the score, its direction and the budget."""
    better = "higher" if ranking.higher_is_better else "lower"
    weights = "".join(f", {label}" for label in weights_labels(ranking))
    return f"{ranking.score} ({better} is better) at {ranking.at:,.0f} {ranking.budget}{weights}"


def weights_labels(ranking: Ranking) -> list[str]:
    """Return which weights the ranked scores are of, such as «EMA 0.999»; decays may differ between experiments."""
    curves = [
        curve.protocol
        for entry in ranking.entries
        for run in runs(entry)
        for curve in run.scores
        if curve.name == ranking.score and curve.protocol is not None
    ]
    same = [protocol for protocol in curves if not differences(protocol, ranking.protocol)]
    return list(dict.fromkeys(filter(None, map(weights_label, same))))


def score_notes(ranking: Ranking) -> list[str]:
    """Return the notes that qualify the scores."""
    spent = [reading.spent for entry in ranking.entries for reading in entry.readings]
    notes = []
    if max(spent) - min(spent) > 0.005 * ranking.at:
        notes.append(
            f"the scores nearest to the budget were taken at {min(spent):,.0f} to {max(spent):,.0f} {ranking.budget}"
        )
    fewest = min((entry.from_best.n for entry in ranking.entries if entry.from_best), default=None)
    if fewest is None:
        notes.append(
            "no two experiments have two seeds in common: repeat them with seed=0,1,2 to get confidence intervals"
        )
    else:
        others = len(ranking.entries) - 1
        notes.append(
            "intervals are of the mean difference from the best, paired by seed, by bootstrap over the seeds; as these "
            "are too narrow for few seeds, «worse» requires that Student's interval, widened for "
            f"{others} comparison{'s' if others > 1 else ''}, also excludes 0"
        )
        if fewest < MIN_SEEDS:
            notes.append(f"n={fewest}: an interval from fewer than {MIN_SEEDS} seeds is unreliable")
    return notes


def cost_notes(ranking: Ranking) -> list[str]:
    """Return the notes that qualify the costs."""
    all_runs = [run for entry in ranking.entries for run in runs(entry)]
    devices = sorted({str(run.summary["device"]) for run in all_runs if "device" in run.summary})
    kinds = sorted({str(run.summary["peak_memory_of"]) for run in all_runs if "peak_memory_of" in run.summary})
    return [
        *([f"speeds are not comparable, as devices differ: {', '.join(devices)}"] if len(devices) > 1 else []),
        *([f"peak memory is that of the {' or '.join(kinds)}"] if kinds else []),
    ]


def names(ranking: Ranking) -> list[str]:
    """Return the names of the settings that distinguish the entries."""
    return list(dict.fromkeys(name for entry in ranking.entries for name in entry.experiment.settings))


def setting_cells(entry: Entry, settings: Sequence[str]) -> list[str]:
    """Return the cells with an entry's settings."""
    return [entry.experiment.settings.get(name, "") for name in settings]


def mean_and_deviation(entry: Entry) -> str:
    """Return the mean over seeds with its standard deviation."""
    spread = "" if entry.deviation is None else f" ± {entry.deviation:.2g}"
    return f"{format_score(entry.mean)}{spread}"


def seeds(entry: Entry) -> str:
    """Return the number of seeds with a score, and of all seeds where some are missing."""
    scored, total = len(entry.readings), len(entry.experiment.runs)
    return str(scored) if scored == total else f"{scored} of {total}"


def difference_cells(difference: Difference | None) -> list[str]:
    """Return the cells with the mean difference and its interval."""
    if difference is None:
        return ["", ""]
    low, high = difference.bootstrap
    return [f"{difference.mean:+.3g}", f"{low:+.3g} to {high:+.3g} (n={difference.n})"]


def runs(entry: Entry) -> list[RunRecord]:
    """Return the runs behind an entry's scores."""
    return [reading.run for reading in entry.readings]


def median_of_known(values: Sequence[float | None]) -> float | None:
    """Return the median of the values that are known, None if there is none."""
    recorded = [value for value in values if value is not None]
    return median(recorded) if recorded else None


def format_score(value: float) -> str:
    """Return a score as text."""
    return f"{value:.4g}"


def format_count(value: float | None, unit: float = 1.0) -> str:
    """Return a value in whole units as text, empty where it is not known."""
    return "" if value is None else f"{value / unit:,.0f}"
