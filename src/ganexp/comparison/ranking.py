"""Rankings of experiments by one score, at one budget, under one protocol."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ganexp.comparison import budgets, statistics
from ganexp.comparison.groups import Experiment
from ganexp.comparison.run_record import RunRecord
from ganexp.comparison.scores import ScoreCurve
from ganexp.comparison.statistics import Difference
from ganexp.metrics.protocol import differences
from ganexp.records import summary


@dataclass(frozen=True)
class Reading:
    """A run's score at the budget, and the budget actually spent when it was taken."""

    run: RunRecord
    value: float
    spent: float


@dataclass
class Entry:
    """A ranked experiment: its scores by seed, and its difference from the best."""

    experiment: Experiment
    readings: list[Reading]
    from_best: Difference | None = None

    @property
    def values(self) -> list[float]:
        """The scores of all seeds."""
        return [reading.value for reading in self.readings]

    @property
    def mean(self) -> float:
        """The mean over seeds."""
        return statistics.mean(self.values)

    @property
    def deviation(self) -> float | None:
        """The standard deviation over seeds, None for a single seed."""
        return statistics.deviation(self.values)

    @property
    def by_seed(self) -> dict[str, float]:
        """The scores by seed."""
        return {str(reading.run.seed): reading.value for reading in self.readings}


@dataclass
class Ranking:
    """Entries from best to worst, all scored under one protocol at about the same budget."""

    score: str
    higher_is_better: bool
    protocol: Mapping[str, Any]
    budget: str
    at: float
    entries: list[Entry] = field(default_factory=list)

    def best_of(self, entry: Entry) -> float:
        """Return the best score of all seeds."""
        return max(entry.values) if self.higher_is_better else min(entry.values)

    def verdict(self, entry: Entry) -> str:
        """Return whether an entry is significantly worse than the first."""
        if entry is self.entries[0]:
            return "best mean"
        if entry.from_best is None or entry.from_best.n < statistics.MIN_SEEDS:
            return "too few seeds"
        return "worse" if entry.from_best.is_significant else "inconclusive"


@dataclass
class Ranked:
    """The rankings of one score, one per protocol, how the protocols differ, and the unranked runs with reasons."""

    score: str
    rankings: list[Ranking]
    differences: list[str]
    left_out: list[tuple[RunRecord, str]]


def rank(experiments: Sequence[Experiment], score: str, budget: str, at: float | None) -> Ranked:
    """Return the experiments in order of a score, at a budget: ``at``, else the largest that all have spent.

    Runs that have not reached it are left out. Scores of different protocols are never in one ranking.
    """
    scored: list[tuple[RunRecord, ScoreCurve]] = []
    left_out: list[tuple[RunRecord, str]] = []
    for run in (run for experiment in experiments for run in experiment.runs):
        matching = [curve for curve in run.scores if curve.name == score and curve.protocol is not None]
        scored += [(run, curve) for curve in matching]
        if not matching:
            left_out.append((run, f"{run.status_text}; it has no {score}"))
    protocols = by_protocol(scored)
    rankings = []
    for protocol, same_protocol in protocols:
        ranking, too_early = rank_one_protocol(experiments, same_protocol, protocol, budget, at)
        left_out += too_early
        rankings += [ranking] if ranking.entries else []
    ranked = {id(reading.run) for r in rankings for entry in r.entries for reading in entry.readings}
    reasons = [reason for protocol, _ in protocols[1:] for reason in differences(protocols[0][0], protocol)]
    rankings.sort(key=lambda r: -sum(len(entry.readings) for entry in r.entries))
    missing = {id(run): (run, why) for run, why in left_out if id(run) not in ranked}
    return Ranked(score, rankings, list(dict.fromkeys(reasons)), list(missing.values()))


def by_protocol(
    scored: Sequence[tuple[RunRecord, ScoreCurve]],
) -> list[tuple[Mapping[str, Any], list[tuple[RunRecord, ScoreCurve]]]]:
    """Return the scores grouped by protocol, in order of first appearance."""
    groups: list[tuple[Mapping[str, Any], list[tuple[RunRecord, ScoreCurve]]]] = []
    for run, curve in scored:
        protocol = curve.protocol or {}
        group = next((scores for other, scores in groups if not differences(other, protocol)), None)
        if group is None:
            groups.append((protocol, [(run, curve)]))
        else:
            group.append((run, curve))
    return groups


def rank_one_protocol(
    experiments: Sequence[Experiment],
    scored: Sequence[tuple[RunRecord, ScoreCurve]],
    protocol: Mapping[str, Any],
    budget: str,
    at: float | None,
) -> tuple[Ranking, list[tuple[RunRecord, str]]]:
    """Return the ranking of scores of one protocol, and the runs left out with reasons."""
    spent = [(run, curve, budgets.spent_by(budget, run, curve)) for run, curve in scored]
    left_out = [
        (run, f"{run.status_text}; it does not record its {budget}") for run, _, by_score in spent if by_score is None
    ]
    measured = [(run, curve, by_score) for run, curve, by_score in spent if by_score is not None]
    finished = [by_score for run, _, by_score in measured if run.status == summary.FINISHED]
    ranking = Ranking(scored[0][1].name, scored[0][1].higher_is_better, protocol, budget, at or 0.0)
    if not measured:
        return ranking, left_out
    ranking.at = budgets.largest_common(finished or [by_score for *_, by_score in measured]) if at is None else at
    readings: dict[int, Reading] = {}
    for run, curve, by_score in measured:
        if budgets.reaches(by_score, ranking.at):
            index = budgets.nearest(by_score, ranking.at)
            readings[id(run)] = Reading(run, float(curve.curve.values[index]), float(by_score[index]))
        else:
            left_out.append(
                (run, f"{run.status_text}; last scored at {by_score[-1]:,.0f} of {ranking.at:,.0f} {budget}")
            )
    for experiment in experiments:
        present = [readings[id(run)] for run in experiment.runs if id(run) in readings]
        if present:
            ranking.entries.append(Entry(experiment, present))
    ranking.entries.sort(key=lambda entry: entry.mean, reverse=ranking.higher_is_better)
    for entry in ranking.entries[1:]:
        first, others = ranking.entries[0], len(ranking.entries) - 1
        entry.from_best = statistics.paired_difference(entry.by_seed, first.by_seed, others)
    return ranking, left_out
