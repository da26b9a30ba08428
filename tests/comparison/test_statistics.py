"""Laws of the intervals."""

import numpy as np
import pytest
from scipy import stats

from ganexp.comparison import statistics

hypothesis = pytest.importorskip("hypothesis", reason="hypothesis is not installed")
st = hypothesis.strategies
given = hypothesis.given
settings = hypothesis.settings

VALUES = st.lists(st.floats(-100, 100), min_size=2, max_size=8)


@settings(max_examples=30)
@given(VALUES)
def test_both_intervals_hold_the_mean_and_the_bootstrap_stays_within_the_values(values):
    for interval in (statistics.bootstrap_interval, statistics.student_interval):
        low, high = interval(np.array(values))
        assert low - 1e-9 <= np.mean(values) <= high + 1e-9
    low, high = statistics.bootstrap_interval(np.array(values))
    assert min(values) - 1e-9 <= low <= high <= max(values) + 1e-9


@settings(max_examples=30)
@given(VALUES, st.floats(-100, 100))
def test_the_intervals_move_with_the_values(values, shift):
    for interval in (statistics.bootstrap_interval, statistics.student_interval):
        moved = interval(np.array(values) + shift)
        assert moved == pytest.approx(np.array(interval(np.array(values))) + shift, abs=1e-9)


def test_students_interval_is_scipys():
    values = np.array([1.0, 2.5, -0.5, 4.0])
    expected = stats.t.interval(0.95, 3, loc=values.mean(), scale=stats.sem(values))
    assert statistics.student_interval(values) == pytest.approx(expected)


def test_the_bootstrap_interval_is_scipys():
    values = np.random.default_rng(1).normal(size=30)
    expected = stats.bootstrap((values,), np.mean, method="percentile", rng=0).confidence_interval
    assert statistics.bootstrap_interval(values) == pytest.approx(tuple(expected), abs=0.03)


def test_differences_are_of_the_same_seeds():
    these = {"0": 1.0, "1": 2.0, "2": 3.0, "9": 100.0}
    those = {"2": 2.0, "1": 1.0, "0": 0.0, "8": -100.0}
    difference = statistics.paired_difference(these, those)
    assert (difference.n, difference.mean) == (3, 1.0)
    # What is the same for each seed is sure, though the scores of the seeds overlap.
    assert difference.bootstrap == difference.student == (1.0, 1.0)
    assert difference.is_significant
    assert statistics.paired_difference(these, {"9": 1.0}) is None


def test_two_seeds_are_never_enough():
    assert not statistics.paired_difference({"0": 1.0, "1": 1.0}, {"0": 0.0, "1": 0.0}).is_significant


@pytest.mark.parametrize("seeds", [3, 5])
def test_of_equals_few_are_said_to_be_worse_though_the_bootstrap_alone_says_it_often(seeds):
    rng = np.random.default_rng(0)
    names = [str(seed) for seed in range(seeds)]
    found = []
    for _ in range(200):
        scores = [dict(zip(names, rng.normal(size=seeds).tolist(), strict=True)) for _ in range(2)]
        found.append(statistics.paired_difference(*scores))
    by_bootstrap = np.mean([each.bootstrap[0] > 0 or each.bootstrap[1] < 0 for each in found])
    assert np.mean([each.is_significant for each in found]) < 0.08
    assert by_bootstrap > {3: 0.19, 5: 0.08}[seeds]


def test_of_nine_equals_the_best_is_seldom_said_to_be_better_than_any():
    rng = np.random.default_rng(0)
    names = [str(seed) for seed in range(5)]
    said = 0
    for _ in range(40):
        scores = sorted(rng.normal(size=(9, 5)).tolist(), key=np.mean)
        best, *others = [dict(zip(names, each, strict=True)) for each in scores]
        said += any(statistics.paired_difference(other, best, len(others)).is_significant for other in others)
    assert said / 40 < 0.15


SCORES = st.lists(st.tuples(*[st.floats(0.1, 100)] * 2), min_size=3, max_size=6)


@settings(max_examples=30)
@given(SCORES, st.floats(0.1, 10))
def test_significance_does_not_depend_on_the_unit_of_a_score(pairs, unit):
    these, those = ({str(seed): pair[place] for seed, pair in enumerate(pairs)} for place in (0, 1))
    in_unit = [{seed: value * unit for seed, value in each.items()} for each in (these, those)]
    difference, scaled = statistics.paired_difference(these, those), statistics.paired_difference(*in_unit)
    assert scaled.student == pytest.approx(difference.student, abs=1e-9)
    assert scaled.bootstrap == pytest.approx([unit * end for end in difference.bootstrap], rel=1e-9, abs=1e-9)


def test_the_scatter_of_a_bad_setting_does_not_hide_how_bad_it_is():
    good, bad = {"0": 12.0, "1": 14.0, "2": 17.0}, {"0": 620.0, "1": 700.0, "2": 810.0}
    assert statistics.paired_difference(bad, good, comparisons=20).is_significant
    # Scores that may be negative have no ratio, and keep their differences.
    moved = [{seed: value - 1000 for seed, value in each.items()} for each in (bad, good)]
    assert not statistics.paired_difference(*moved, comparisons=20).is_significant


def test_of_equals_whose_scores_are_above_0_few_are_said_to_be_worse():
    rng = np.random.default_rng(0)
    drawn = rng.lognormal(3, 0.5, (200, 2, 3))
    found = [statistics.paired_difference(*({str(i): v for i, v in enumerate(each)} for each in two)) for two in drawn]
    assert np.mean([each.is_significant for each in found]) < 0.08
