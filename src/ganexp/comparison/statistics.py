"""Mean, spread and paired differences over seeds."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ganexp.records.curves import Numbers

RESAMPLES = 10_000
LEVEL = 0.95
ENOUGH = 3
"""Below so many seeds nothing is said of which is better."""

Interval = tuple[float, float]


def mean(values: Sequence[float]) -> float:
    """Return the mean."""
    return float(np.mean(values))


def deviation(values: Sequence[float]) -> float | None:
    """Return the standard deviation with n - 1, None of a single value."""
    return float(np.std(values, ddof=1)) if len(values) > 1 else None


@dataclass(frozen=True)
class Difference:
    """How far one is from another over ``n`` common seeds: the mean of the differences and two intervals.

    The bootstrap's is of that mean, of 95 %. Student's is so wide that of several comparisons all hold with 95 %
    (Bonferroni). It is of the mean logarithm of the ratios where all scores are above 0, since seeds then scatter in
    proportion to their score: a bad setting's scatter would hide how far it is from a good one's.
    """

    n: int
    mean: float
    bootstrap: Interval
    student: Interval

    @property
    def is_sure(self) -> bool:
        """Whether there are seeds enough and both intervals leave out 0.

        A bootstrap of few seeds is too narrow: all of three differences have one sign in every fourth case by chance.
        """
        return self.n >= ENOUGH and all(low > 0 or high < 0 for low, high in (self.bootstrap, self.student))


def paired_difference(
    these: Mapping[str, float], those: Mapping[str, float], comparisons: int = 1
) -> Difference | None:
    """Return how far these scores by seed are from those of the same seeds, one of so many comparisons.

    None with fewer than two seeds in common.
    """
    seeds = [seed for seed in these if seed in those]
    if len(seeds) < 2:
        return None
    scores = np.array([[these[seed] for seed in seeds], [those[seed] for seed in seeds]])
    differences = np.subtract(*scores)
    scaled = np.subtract(*np.log(scores)) if (scores > 0).all() else differences
    student = student_interval(scaled, 1 - (1 - LEVEL) / comparisons)
    return Difference(len(seeds), float(differences.mean()), bootstrap_interval(differences), student)


def bootstrap_interval(values: Numbers) -> Interval:
    """Return the percentile interval of the mean of values (n,), drawn again with replacement."""
    drawn = np.random.default_rng(0).integers(len(values), size=(RESAMPLES, len(values)))
    low, high = np.percentile(values[drawn].mean(1), [50 * (1 - LEVEL), 50 * (1 + LEVEL)])
    return float(low), float(high)


def student_interval(values: Numbers, level: float = LEVEL) -> Interval:
    """Return Student's interval of the mean of values (n,), n at least 2."""
    # Here, because SciPy takes long to import.
    from scipy.special import stdtrit

    reach = stdtrit(len(values) - 1, (1 + level) / 2) * values.std(ddof=1) / np.sqrt(len(values))
    return float(values.mean() - reach), float(values.mean() + reach)
