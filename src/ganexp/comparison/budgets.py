"""What runs are compared at equal amounts of: images, updates of the generator or seconds of training."""

from collections.abc import Callable, Sequence

import numpy as np

from ganexp.comparison.run import Run
from ganexp.comparison.scores import ScoreCurve
from ganexp.records.curves import Numbers

Spent = Callable[[Run, Numbers], Numbers | None]
"""From numbers of images seen (N,) to what was spent by then (N,); None where a run does not tell."""


def images(run: Run, seen: Numbers) -> Numbers:
    """Return the numbers of real images shown to the discriminator."""
    return seen


def updates(run: Run, seen: Numbers) -> Numbers | None:
    """Return the generator's updates."""
    return None if run.images_per_update is None else np.floor(seen / run.images_per_update)


def seconds(run: Run, seen: Numbers) -> Numbers | None:
    """Return the seconds of training, scoring left out."""
    if run.speed is None or not len(run.speed.images):
        return None
    # The speed of a row is that since the row before.
    each = np.diff(run.speed.images, prepend=0.0) / np.maximum(run.speed.values, 1e-12)
    return np.interp(seen, np.append(0.0, run.speed.images), np.append(0.0, np.cumsum(each)))


BUDGETS: dict[str, Spent] = {"images": images, "updates": updates, "seconds": seconds}


def largest_common(spent: Sequence[Numbers]) -> float:
    """Return the largest amount that all have spent when they were last scored."""
    return min(float(each[-1]) for each in spent)


def nearest(spent: Numbers, budget: float) -> int:
    """Return the position of the score that was taken nearest to a budget; of two as near, the earlier."""
    return int(np.abs(spent - budget).argmin())


def reaches(spent: Numbers, budget: float) -> bool:
    """Return whether a run was scored when it had spent the budget, or less than half an interval before."""
    interval = float(spent[-1] - spent[-2]) if len(spent) > 1 else 0.0
    return bool(spent[-1] + interval / 2 >= budget)


def spent_by(budget: str, run: Run, score: ScoreCurve) -> Numbers | None:
    """Return what a run had spent when it was scored each time."""
    return BUDGETS[budget](run, score.curve.images)
