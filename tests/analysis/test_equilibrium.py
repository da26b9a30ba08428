"""Discriminator outputs: closed forms of the AUC; a memorizing discriminator is detected, an honest one is not."""

import pytest
import torch
from scipy.stats import norm

from ganexp.analysis.equilibrium import overfits, overfitting_verdict, plot_outputs, separation


def rng(seed=0):
    return torch.Generator().manual_seed(seed)


def test_small_sets_by_counting_pairs():
    first, second = torch.tensor([1.0, 2.0, 3.0]), torch.tensor([0.0, 2.0])
    assert separation(first, second).auc == pytest.approx((1 + 0 + 1 + 0.5 + 1 + 1) / 6)


def test_separate_and_identical_sets():
    low, high = torch.arange(5.0), torch.arange(10.0, 15.0)
    separate = separation(high, low)
    assert (separate.auc, separate.auc_error, separate.accuracy) == (1, 0, 1)
    identical = separation(low, low)
    assert (identical.auc, identical.accuracy, identical.gap) == (0.5, 0.5, 0)
    assert not overfits(identical)


def test_normal_outputs_have_the_auc_and_the_accuracy_of_their_shift():
    shift = 0.7
    normal = separation(torch.randn(20_000, generator=rng()) + shift, torch.randn(20_000, generator=rng(1)))
    assert normal.auc == pytest.approx(norm.cdf(shift / 2**0.5), abs=0.01)
    assert normal.accuracy == pytest.approx(norm.cdf(shift / 2), abs=0.01)
    assert normal.gap == pytest.approx(shift, abs=0.03)


def test_the_standard_error_is_that_of_repeated_draws():
    draws = [
        separation(torch.randn(80, generator=rng(s)) + 0.5, torch.randn(60, generator=rng(s + 999))) for s in range(300)
    ]
    spread = float(torch.tensor([draw.auc for draw in draws]).std())
    assert float(torch.tensor([draw.auc_error for draw in draws]).mean()) == pytest.approx(spread, rel=0.12)


def proximity(images, training):
    return -torch.cdist(images.flatten(1), training.flatten(1)).amin(1)


def test_a_memorizing_discriminator_is_detected_and_an_honest_one_is_not():
    training, held_out = torch.randn(2, 200, 1, 4, 4, generator=rng(2))
    memorizing = separation(proximity(training, training), proximity(held_out, training))
    assert overfits(memorizing)
    assert "overfits its training images" in overfitting_verdict(memorizing)

    false_positives = 0
    for seed in range(100):
        one, other = torch.randn(2, 100, 1, 4, 4, generator=rng(seed)).mean((2, 3, 4))
        false_positives += overfits(separation(one, other))
    assert false_positives <= 4  # 1 in 200 is expected to be


def test_outputs_that_are_not_finite_or_too_few_are_refused():
    with pytest.raises(ValueError, match="not finite"):
        separation(torch.tensor([1.0, float("nan")]), torch.zeros(3))
    with pytest.raises(ValueError, match="at least two"):
        separation(torch.zeros(1), torch.zeros(3))


def test_the_histogram_shows_each_set():
    figure = plot_outputs({"training": torch.randn(50, generator=rng()), "fake": torch.full((9,), -2.0)})
    assert [text.get_text() for text in figure.axes[0].get_legend().get_texts()] == ["training", "fake"]
