"""Everything that is said of some runs, computed once for all ways of showing it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ganexp.comparison.groups import Experiment, group
from ganexp.comparison.ranking import Ranked, rank
from ganexp.comparison.run import Run, read_run
from ganexp.comparison.settings import choices, telling
from ganexp.comparison.table import Table, cost_table, score_table
from ganexp.errors import UserError


@dataclass
class Comparison:
    """Experiments, their rankings by one score, and what is to be said of the runs that are in none."""

    experiments: list[Experiment]
    ranked: Ranked
    scores: list[str]
    """All scores that there are."""
    remarks: list[str]

    @property
    def runs(self) -> list[Run]:
        """All runs."""
        return [run for experiment in self.experiments for run in experiment.runs]

    @property
    def tables(self) -> list[Table]:
        """Two tables for each ranking: scores and costs."""
        return [make(ranking) for ranking in self.ranked.rankings for make in (score_table, cost_table)]


def compare(folders: Sequence[Path], score: str | None, budget: str, at: float | None) -> Comparison:
    """Read runs and rank them by a score: the one named, else the one that most runs follow.

    Raises UserError if there is no run that can be read, or none with that score.
    """
    read = [(folder, read_run(folder)) for folder in folders]
    runs = [run for _, run in read if isinstance(run, Run)]
    remarks = by_reason((folder, why) for folder, why in read if isinstance(why, str))
    if not runs:
        raise UserError(f"no run can be read: {'; '.join(remarks)}")
    experiments, twice = group(runs)
    settings = telling([experiment.runs[0] for experiment in experiments])
    for place, experiment in enumerate(experiments):
        apart = {name: values[place] for name, values in settings.items()}
        experiment.settings = apart or alone(experiment.runs[0])
    kept = [run for experiment in experiments for run in experiment.runs]
    scores = list(dict.fromkeys(curve.name for run in kept for curve in run.scores))
    ranked = rank(experiments, chosen(score, scores, kept), budget, at) if scores else Ranked("score", [], [], [])
    if not scores:
        ranked.left_out = [(run, f"{run.standing}; it has no scores") for run in kept]
    if score is not None and score not in scores:
        raise UserError(f"score={score}: no run has it; they have {', '.join(scores) or 'none'}")
    remarks += twice + [f"{run.folder}: {problem}" for run in kept for problem in run.problems]
    return Comparison(experiments, ranked, scores, remarks)


def by_reason(told: Iterable[tuple[Path, str]]) -> list[str]:
    """Return a line for each reason, with the first of the folders that it is told of, and how many more there are."""
    folders: dict[str, list[Path]] = {}
    for folder, why in told:
        folders.setdefault(why, []).append(folder)
    more = {why: f" and {len(some) - 1} more" if len(some) > 1 else "" for why, some in folders.items()}
    return [f"{some[0]}{more[why]}: {why}" for why, some in folders.items()]


def alone(run: Run) -> dict[str, str]:
    """Return what names an experiment that is compared with no other."""
    known = choices(run)
    return {name: known[name] for name in ("model", "data") if name in known} or {"run": run.folder.name}


def chosen(score: str | None, scores: Sequence[str], runs: Sequence[Run]) -> str:
    """Return the score asked for, else the one by which most runs keep their best weights."""
    if score is not None:
        return score
    followed = [monitored(run) for run in runs if monitored(run) in scores]
    return max(scores, key=lambda name: followed.count(name))


def monitored(run: Run) -> Any:
    """Return the score that a run follows: the one its configuration names, else its first."""
    scoring = run.config.get("scoring")
    named = scoring.get("monitor") if isinstance(scoring, Mapping) else None
    return named or (run.scores[0].name if run.scores else None)
