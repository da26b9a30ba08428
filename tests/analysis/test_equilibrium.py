"""A discriminator's answers: closed forms of the AUC, a planted memory caught, an honest one not accused."""

import pytest
import torch
from scipy.stats import norm

from ganexp.analysis.equilibrium import overfits, plot_answers, said, separation


def rng(seed=0):
    return torch.Generator().manual_seed(seed)


def test_small_sets_by_counting_pairs():
    first, second = torch.tensor([1.0, 2.0, 3.0]), torch.tensor([0.0, 2.0])
    found = separation(first, second)
    assert found.auc == pytest.approx((1 + 0 + 1 + 0.5 + 1 + 1) / 6)


def test_sets_apart_and_alike():
    low, high = torch.arange(5.0), torch.arange(10.0, 15.0)
    apart = separation(high, low)
    assert (apart.auc, apart.auc_error, apart.accuracy) == (1, 0, 1)
    alike = separation(low, low)
    assert (alike.auc, alike.accuracy, alike.gap) == (0.5, 0.5, 0)
    assert not overfits(alike)


def test_normal_answers_have_the_auc_and_the_accuracy_of_their_shift():
    shift = 0.7
    found = separation(torch.randn(20_000, generator=rng()) + shift, torch.randn(20_000, generator=rng(1)))
    assert found.auc == pytest.approx(norm.cdf(shift / 2**0.5), abs=0.01)
    assert found.accuracy == pytest.approx(norm.cdf(shift / 2), abs=0.01)
    assert found.gap == pytest.approx(shift, abs=0.03)


def test_the_standard_error_is_that_of_many_draws():
    draws = [
        separation(torch.randn(80, generator=rng(s)) + 0.5, torch.randn(60, generator=rng(s + 999))) for s in range(300)
    ]
    spread = float(torch.tensor([each.auc for each in draws]).std())
    assert float(torch.tensor([each.auc_error for each in draws]).mean()) == pytest.approx(spread, rel=0.12)


def nearest(images, known):
    return -torch.cdist(images.flatten(1), known.flatten(1)).amin(1)


def test_a_planted_memory_is_caught_and_an_honest_discriminator_is_not():
    training, held_out = torch.randn(2, 200, 1, 4, 4, generator=rng(2))
    caught = separation(nearest(training, training), nearest(held_out, training))
    assert overfits(caught)
    assert "overfits" in said(caught)

    accused = 0
    for seed in range(100):
        one, other = torch.randn(2, 100, 1, 4, 4, generator=rng(seed)).mean((2, 3, 4))
        accused += overfits(separation(one, other))
    assert accused <= 4  # 1 in 200 is expected to be


def test_broken_and_too_few_answers_are_refused():
    with pytest.raises(ValueError, match="not finite"):
        separation(torch.tensor([1.0, float("nan")]), torch.zeros(3))
    with pytest.raises(ValueError, match="at least two"):
        separation(torch.zeros(1), torch.zeros(3))


def test_the_histogram_shows_each_set():
    figure = plot_answers({"training": torch.randn(50, generator=rng()), "fake": torch.full((9,), -2.0)})
    assert [text.get_text() for text in figure.axes[0].get_legend().get_texts()] == ["training", "fake"]
