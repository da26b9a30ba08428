"""Experiments in order of one score, at one budget, under one protocol."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ganexp.comparison import budgets, statistics
from ganexp.comparison.groups import Experiment
from ganexp.comparison.run import Run
from ganexp.comparison.scores import ScoreCurve
from ganexp.comparison.statistics import Difference
from ganexp.metrics.protocol import differences
from ganexp.records import summary


@dataclass(frozen=True)
class Reading:
    """A run's score at the budget, and where it was really taken."""

    run: Run
    value: float
    spent: float


@dataclass
class Entry:
    """An experiment's place: its scores by seed, and how far it is from the best."""

    experiment: Experiment
    readings: list[Reading]
    from_best: Difference | None = None

    @property
    def values(self) -> list[float]:
        """The scores of all seeds."""
        return [reading.value for reading in self.readings]

    @property
    def mean(self) -> float:
        """Their mean."""
        return statistics.mean(self.values)

    @property
    def deviation(self) -> float | None:
        """Their standard deviation, None of a single seed."""
        return statistics.deviation(self.values)

    @property
    def by_seed(self) -> dict[str, float]:
        """The scores by seed."""
        return {str(reading.run.seed): reading.value for reading in self.readings}


@dataclass
class Ranking:
    """Entries from best to worst; all were scored alike, at about the same budget."""

    score: str
    higher_is_better: bool
    protocol: Mapping[str, Any]
    budget: str
    at: float
    entries: list[Entry] = field(default_factory=list)

    def best_of(self, entry: Entry) -> float:
        """Return the best score of any seed."""
        return max(entry.values) if self.higher_is_better else min(entry.values)

    def verdict(self, entry: Entry) -> str:
        """Return whether an entry is worse than the first, as far as its seeds can tell."""
        if entry is self.entries[0]:
            return "best mean"
        if entry.from_best is None or entry.from_best.n < statistics.ENOUGH:
            return "too few seeds"
        return "worse" if entry.from_best.is_sure else "not told apart"


@dataclass
class Ranked:
    """All rankings of one score, a protocol each, why they are several, and which runs are in none and why."""

    score: str
    rankings: list[Ranking]
    differences: list[str]
    left_out: list[tuple[Run, str]]


def rank(experiments: Sequence[Experiment], score: str, budget: str, at: float | None) -> Ranked:
    """Return the experiments in order of a score, at a budget: ``at``, else the largest that all have spent.

    Runs that have not come so far are left out. Scores of different protocols are never in one ranking.
    """
    taken: list[tuple[Run, ScoreCurve]] = []
    left_out: list[tuple[Run, str]] = []
    for run in (run for experiment in experiments for run in experiment.runs):
        found = [curve for curve in run.scores if curve.name == score and curve.protocol is not None]
        taken += [(run, curve) for curve in found]
        if not found:
            left_out.append((run, f"{run.standing}; it has no {score}"))
    protocols = apart(taken)
    rankings = []
    for protocol, alike in protocols:
        ranking, too_early = rank_alike(experiments, alike, protocol, budget, at)
        left_out += too_early
        rankings += [ranking] if ranking.entries else []
    ranked = {id(reading.run) for r in rankings for entry in r.entries for reading in entry.readings}
    reasons = [reason for protocol, _ in protocols[1:] for reason in differences(protocols[0][0], protocol)]
    rankings.sort(key=lambda r: -sum(len(entry.readings) for entry in r.entries))
    missing = {id(run): (run, why) for run, why in left_out if id(run) not in ranked}
    return Ranked(score, rankings, list(dict.fromkeys(reasons)), list(missing.values()))


def apart(taken: Sequence[tuple[Run, ScoreCurve]]) -> list[tuple[Mapping[str, Any], list[tuple[Run, ScoreCurve]]]]:
    """Return the scores of each protocol, in order of first appearance."""
    found: list[tuple[Mapping[str, Any], list[tuple[Run, ScoreCurve]]]] = []
    for run, curve in taken:
        protocol = curve.protocol or {}
        alike = next((each for known, each in found if not differences(known, protocol)), None)
        if alike is None:
            found.append((protocol, [(run, curve)]))
        else:
            alike.append((run, curve))
    return found


def rank_alike(
    experiments: Sequence[Experiment],
    taken: Sequence[tuple[Run, ScoreCurve]],
    protocol: Mapping[str, Any],
    budget: str,
    at: float | None,
) -> tuple[Ranking, list[tuple[Run, str]]]:
    """Return the ranking of scores of one protocol, and the runs that are not in it."""
    spent = [(run, curve, budgets.spent_by(budget, run, curve)) for run, curve in taken]
    left_out = [(run, f"{run.standing}; it does not tell its {budget}") for run, _, each in spent if each is None]
    known = [(run, curve, each) for run, curve, each in spent if each is not None]
    finished = [each for run, _, each in known if run.status == summary.FINISHED] or [each for *_, each in known]
    ranking = Ranking(taken[0][1].name, taken[0][1].higher_is_better, protocol, budget, at or 0.0)
    if not known:
        return ranking, left_out
    ranking.at = budgets.largest_common(finished) if at is None else at
    readings: dict[int, Reading] = {}
    for run, curve, each in known:
        if budgets.reaches(each, ranking.at):
            place = budgets.nearest(each, ranking.at)
            readings[id(run)] = Reading(run, float(curve.curve.values[place]), float(each[place]))
        else:
            left_out.append((run, f"{run.standing}; last scored at {each[-1]:,.0f} of {ranking.at:,.0f} {budget}"))
    for experiment in experiments:
        present = [readings[id(run)] for run in experiment.runs if id(run) in readings]
        if present:
            ranking.entries.append(Entry(experiment, present))
    ranking.entries.sort(key=lambda entry: entry.mean, reverse=ranking.higher_is_better)
    for entry in ranking.entries[1:]:
        first, others = ranking.entries[0], len(ranking.entries) - 1
        entry.from_best = statistics.paired_difference(entry.by_seed, first.by_seed, others)
    return ranking, left_out
