"""Covered modes of mixtures whose samples are known."""

import pytest
import torch

from ganexp.data.gaussians import custom, grid, ring
from ganexp.errors import UserError
from ganexp.metrics.modes import Modes
from support.fakes import score


def modes(mixture, points, within=3.0, **how):
    metric = Modes(None, len(points), mixture, within)
    return {name: s.value for name, s in score(metric, points, **how).items()}


@pytest.mark.parametrize(("mixture", "number"), [(ring(), 8), (grid(), 25)])
def test_samples_of_the_mixture_itself_cover_all_modes(mixture, number):
    points, _ = mixture.sample(2000, torch.Generator().manual_seed(0))
    scores = modes(mixture, points)
    assert scores["covered"] == number
    # A round Gaussian in the plane is within r deviations with probability 1 - exp(-r^2 / 2).
    assert scores["quality"] == pytest.approx(0.9889, abs=0.007)


def test_a_collapsed_generator_covers_one_mode():
    mixture = ring()
    assert modes(mixture, mixture.centres[2].float().expand(20, 2)) == {"covered": 1, "quality": 1}


def test_samples_between_the_modes_cover_none():
    assert modes(ring(), torch.zeros(20, 2)) == {"covered": 0, "quality": 0}


def test_a_sample_counts_within_three_deviations_of_the_nearest_centre():
    mixture = custom([[0.5, 0.0], [-0.5, 0.0]], std=0.1)
    points = torch.tensor([[0.5, 0.299], [0.5, 0.301], [-0.5, 0.0], [0.0, 0.0]])
    assert modes(mixture, points[:2]) == {"covered": 1, "quality": 0.5}
    assert modes(mixture, points) == {"covered": 2, "quality": 0.5}
    assert modes(mixture, points, within=1.0) == {"covered": 1, "quality": 0.25}


def test_a_sample_covers_only_the_nearest_of_modes_that_overlap():
    mixture = custom([[0.1, 0.0], [-0.1, 0.0]], std=0.1)
    assert modes(mixture, torch.tensor([[0.02, 0.0]])) == {"covered": 1, "quality": 1}


def test_scores_do_not_depend_on_order_and_batches():
    mixture = grid()
    points = 2 * torch.rand(300, 2, generator=torch.Generator().manual_seed(0)) - 1
    order = torch.randperm(300, generator=torch.Generator().manual_seed(0))
    assert modes(mixture, points, order=order, batch_size=100) == modes(mixture, points)


def test_points_that_are_not_finite_are_counted():
    with pytest.raises(UserError, match="2 of 3 samples"):
        modes(ring(), torch.tensor([[0.0, float("nan")], [0.0, 0.0], [float("inf"), 0.0]]))
    assert Modes(None, 9, ring()).settings() == {"within": 3.0}
