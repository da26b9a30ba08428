"""Training budgets at which runs are compared: images, generator updates or seconds of training."""

from collections.abc import Callable, Sequence

import numpy as np

from ganexp.comparison.run_record import RunRecord
from ganexp.comparison.scores import ScoreCurve
from ganexp.records.curves import Numbers

Budget = Callable[[RunRecord, Numbers], Numbers | None]
"""Maps ``images_seen`` (N,) to the budget spent by then (N,); None where a run does not record it."""


def images(run: RunRecord, images_seen: Numbers) -> Numbers:
    """Return the number of real images shown to the discriminator."""
    return images_seen


def updates(run: RunRecord, images_seen: Numbers) -> Numbers | None:
    """Return the number of generator updates."""
    return None if run.images_per_update is None else np.floor(images_seen / run.images_per_update)


def seconds(run: RunRecord, images_seen: Numbers) -> Numbers | None:
    """Return the seconds of training, without scoring."""
    if run.speed is None or not len(run.speed.images):
        return None
    # The speed in a row is the average since the previous row.
    durations = np.diff(run.speed.images, prepend=0.0) / np.maximum(run.speed.values, 1e-12)
    elapsed: Numbers = np.interp(images_seen, np.append(0.0, run.speed.images), np.append(0.0, np.cumsum(durations)))
    return elapsed


BUDGETS: dict[str, Budget] = {"images": images, "updates": updates, "seconds": seconds}


def largest_common(spent: Sequence[Numbers]) -> float:
    """Return the largest budget that every run had spent at its last score."""
    return min(float(by_score[-1]) for by_score in spent)


def nearest(spent: Numbers, budget: float) -> int:
    """Return the index of the score taken nearest to a budget; the earlier one in a tie."""
    return int(np.abs(spent - budget).argmin())


def reaches(spent: Numbers, budget: float) -> bool:
    """Return whether a run's last score was taken at the budget or at most half a scoring interval before it."""
    interval = float(spent[-1] - spent[-2]) if len(spent) > 1 else 0.0
    return bool(spent[-1] + interval / 2 >= budget)


def spent_by(budget: str, run: RunRecord, score: ScoreCurve) -> Numbers | None:
    """Return the budget that a run had spent at each of its scores."""
    return BUDGETS[budget](run, score.curve.images)
