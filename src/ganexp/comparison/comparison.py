"""Comparison results, computed once for the terminal, the tables and the page."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ganexp.comparison.by_settings import NeverStarted, read_never_started
from ganexp.comparison.data_versions import differing_data
from ganexp.comparison.groups import Experiment, group
from ganexp.comparison.ranking import Ranked, rank
from ganexp.comparison.run_record import RunRecord, read_run
from ganexp.comparison.settings import chosen_options, distinguishing_settings
from ganexp.comparison.table import Table, cost_table, score_table
from ganexp.errors import UserError


@dataclass
class Comparison:
    """Experiments, their rankings by one score, and remarks on runs that were skipped or damaged."""

    experiments: list[Experiment]
    ranked: Ranked
    scores: list[str]
    """The names of all scores of the runs."""
    remarks: list[str]
    never_started: list[NeverStarted] = field(default_factory=list)
    """The runs of sweeps that were refused or did not get as far as a configuration."""

    @property
    def runs(self) -> list[RunRecord]:
        """All runs."""
        return [run for experiment in self.experiments for run in experiment.runs]

    @property
    def tables(self) -> list[Table]:
        """Two tables per ranking: scores and costs."""
        return [make(ranking) for ranking in self.ranked.rankings for make in (score_table, cost_table)]


def compare(folders: Sequence[Path], score: str | None, budget: str, at: float | None) -> Comparison:
    """Read runs and rank them by a score: the one named, else the one that most runs monitor.

    Raises UserError if no run can be read, or none has that score.
    """
    read = [(folder, read_run(folder)) for folder in folders]
    runs = [run for _, run in read if isinstance(run, RunRecord)]
    remarks = by_reason((folder, why) for folder, why in read if isinstance(why, str))
    if not runs:
        raise UserError(f"no run can be read: {'; '.join(remarks)}")
    experiments, duplicates = group(runs)
    settings = distinguishing_settings([experiment.runs[0] for experiment in experiments])
    for index, experiment in enumerate(experiments):
        own_settings = {name: values[index] for name, values in settings.items()}
        experiment.settings = own_settings or default_name(experiment.runs[0])
    used = [run for experiment in experiments for run in experiment.runs]
    scores = list(dict.fromkeys(curve.name for run in used for curve in run.scores))
    ranked = rank(experiments, choose_score(score, scores, used), budget, at) if scores else Ranked("score", [], [], [])
    if not scores:
        ranked.left_out = [(run, f"{run.status_text}; it has no scores") for run in used]
    if score is not None and score not in scores:
        raise UserError(f"score={score}: no run has it; they have {', '.join(scores) or 'none'}")
    remarks += duplicates + [f"{run.folder}: {problem}" for run in used for problem in run.problems]
    remarks += [f"{run.folder}: settings changed: {change}" for run in used for change in run.changes]
    remarks += differing_data(used)
    never_started = [read_never_started(folder, why) for folder, why in read if isinstance(why, str)]
    return Comparison(experiments, ranked, scores, remarks, never_started)


def by_reason(reasons: Iterable[tuple[Path, str]]) -> list[str]:
    """Return a line per reason, with the first folder that it applies to and the number of further ones."""
    folders: dict[str, list[Path]] = {}
    for folder, why in reasons:
        folders.setdefault(why, []).append(folder)
    more = {why: f" and {len(paths) - 1} more" if len(paths) > 1 else "" for why, paths in folders.items()}
    return [f"{paths[0]}{more[why]}: {why}" for why, paths in folders.items()]


def default_name(run: RunRecord) -> dict[str, str]:
    """Return the settings that name an experiment which differs from no other."""
    options = chosen_options(run)
    return {name: options[name] for name in ("model", "data") if name in options} or {"run": run.folder.name}


def choose_score(score: str | None, scores: Sequence[str], runs: Sequence[RunRecord]) -> str:
    """Return the score asked for, else the one by which most runs select their best weights."""
    if score is not None:
        return score
    monitored = [monitored_score(run) for run in runs if monitored_score(run) in scores]
    return max(scores, key=lambda name: monitored.count(name))


def monitored_score(run: RunRecord) -> Any:
    """Return the score that a run monitors: the one named in its configuration, else its first."""
    scoring = run.config.get("scoring")
    name = scoring.get("monitor") if isinstance(scoring, Mapping) else None
    return name or (run.scores[0].name if run.scores else None)
