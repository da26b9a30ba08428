"""Grouping of runs into experiments: runs that differ only in their seed."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from ganexp.comparison.run_record import RunRecord
from ganexp.comparison.settings import identity
from ganexp.records import summary


@dataclass
class Experiment:
    """Runs with the same settings and different seeds."""

    runs: list[RunRecord]
    settings: dict[str, str] = field(default_factory=dict)
    """The settings that distinguish it from the other experiments."""

    @property
    def name(self) -> str:
        """The distinguishing settings in one line."""
        return ", ".join(f"{name}={value}" for name, value in self.settings.items()) or self.runs[0].folder.name


def group(runs: Sequence[RunRecord]) -> tuple[list[Experiment], list[str]]:
    """Return the experiments in order of first appearance, and a remark on each duplicate that was left out.

    A copy of a run counts once. Of two runs with the same seed the finished one counts, else the one that got further.
    """
    by_settings: dict[object, dict[object, RunRecord]] = {}
    left_out: list[str] = []
    for run in runs:
        by_seed = by_settings.setdefault(frozenset(identity(run.config).items()), {})
        other = by_seed.setdefault(str(run.seed), run)
        if other is not run:
            better, worse = sorted((other, run), key=completeness, reverse=True)
            by_seed[str(run.seed)] = better
            why = "is a copy of" if worse.fingerprint == better.fingerprint else f"has the same seed {run.seed} as"
            left_out.append(f"{worse.folder} {why} {better.folder}: left out")
    return [Experiment(list(runs_by_seed.values())) for runs_by_seed in by_settings.values()], left_out


def completeness(run: RunRecord) -> tuple[bool, int]:
    """Return the sort key by which one of two repetitions is the better record."""
    return run.status == summary.FINISHED, run.images_seen
