"""Mean, standard deviation and confidence intervals of paired differences over seeds."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ganexp.records.curves import Numbers

RESAMPLES = 10_000
LEVEL = 0.95
MIN_SEEDS = 3
"""With fewer seeds no experiment is called better or worse."""

ConfidenceInterval = tuple[float, float]


def mean(values: Sequence[float]) -> float:
    """Return the mean."""
    return float(np.mean(values))


def deviation(values: Sequence[float]) -> float | None:
    """Return the sample standard deviation (n - 1), None for a single value."""
    return float(np.std(values, ddof=1)) if len(values) > 1 else None


@dataclass(frozen=True)
class Difference:
    """The mean difference over ``n`` common seeds, with two confidence intervals.

    The bootstrap interval is of that mean, at 95 %. Student's interval is widened so that all of several comparisons
    hold together at 95 % (Bonferroni). Where all scores are above 0 it is of the mean log ratio, since the spread over
    seeds is then proportional to the score: the spread of a bad setting would hide its distance from a good one.
    """

    n: int
    mean: float
    bootstrap: ConfidenceInterval
    student: ConfidenceInterval

    @property
    def is_significant(self) -> bool:
        """Whether there are enough seeds and both intervals exclude 0.

        A bootstrap over few seeds is too narrow: three differences have the same sign by chance in one case of four.
        """
        return self.n >= MIN_SEEDS and all(low > 0 or high < 0 for low, high in (self.bootstrap, self.student))


def paired_difference(
    scores: Mapping[str, float], baseline: Mapping[str, float], comparisons: int = 1
) -> Difference | None:
    """Return the difference of scores by seed from a baseline's, as one of a number of ``comparisons``.

    None with fewer than two seeds in common.
    """
    seeds = [seed for seed in scores if seed in baseline]
    if len(seeds) < 2:
        return None
    pairs = np.array([[scores[seed] for seed in seeds], [baseline[seed] for seed in seeds]])
    differences = np.subtract(*pairs)
    scaled = np.subtract(*np.log(pairs)) if (pairs > 0).all() else differences
    student = student_interval(scaled, 1 - (1 - LEVEL) / comparisons)
    return Difference(len(seeds), float(differences.mean()), bootstrap_interval(differences), student)


def bootstrap_interval(values: Numbers) -> ConfidenceInterval:
    """Return the bootstrap percentile interval of the mean of values (n,)."""
    indices = np.random.default_rng(0).integers(len(values), size=(RESAMPLES, len(values)))
    low, high = np.percentile(values[indices].mean(1), [50 * (1 - LEVEL), 50 * (1 + LEVEL)])
    return float(low), float(high)


def student_interval(values: Numbers, level: float = LEVEL) -> ConfidenceInterval:
    """Return Student's t interval of the mean of values (n,), n at least 2."""
    # Imported here because SciPy is slow to import.
    from scipy.special import stdtrit

    half_width = stdtrit(len(values) - 1, (1 + level) / 2) * values.std(ddof=1) / np.sqrt(len(values))
    return float(values.mean() - half_width), float(values.mean() + half_width)
