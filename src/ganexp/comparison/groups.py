"""Runs that differ only in their seed are one experiment."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from ganexp.comparison.run import Run
from ganexp.comparison.settings import identity
from ganexp.records import summary


@dataclass
class Experiment:
    """Runs of the same settings and of different seeds."""

    runs: list[Run]
    settings: dict[str, str] = field(default_factory=dict)
    """What tells it apart from the others."""

    @property
    def name(self) -> str:
        """The settings that tell it apart, in a line."""
        return ", ".join(f"{name}={value}" for name, value in self.settings.items()) or self.runs[0].folder.name


def group(runs: Sequence[Run]) -> tuple[list[Experiment], list[str]]:
    """Return the experiments in order of first appearance, and what was left out as there twice.

    A copy of a run counts once. Of two runs with the same seed the finished one counts, else that which came further.
    """
    found: dict[object, dict[object, Run]] = {}
    left_out: list[str] = []
    for run in runs:
        of_seed = found.setdefault(frozenset(identity(run.config).items()), {})
        other = of_seed.setdefault(str(run.seed), run)
        if other is not run:
            better, worse = sorted((other, run), key=came_far, reverse=True)
            of_seed[str(run.seed)] = better
            why = "is a copy of" if worse.fingerprint == better.fingerprint else f"has seed {run.seed}, too, like"
            left_out.append(f"{worse.folder} {why} {better.folder}: left out")
    return [Experiment(list(by_seed.values())) for by_seed in found.values()], left_out


def came_far(run: Run) -> tuple[bool, int]:
    """Return what of two repetitions makes one the better record."""
    return run.status == summary.FINISHED, run.images_seen
