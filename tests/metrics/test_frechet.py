"""Fréchet distance against closed forms, SciPy's matrix square root and torchmetrics."""

import pytest
import torch
from scipy.linalg import sqrtm
from torchmetrics.image.fid import FrechetInceptionDistance

from ganexp.errors import UserError
from ganexp.metrics.frechet import FrechetDistance, frechet_distance, nuclear_norm
from ganexp.metrics.moments import Moments, moments, pivoted_factor, power_sums, regular_factor
from support.fakes import RealFeatures, features, score


def distance(real, fake, **how):
    return score(FrechetDistance(RealFeatures(real), len(fake)), fake, **how)[""].value


def fitted(values):
    return moments(power_sums(values))


def trace(values):
    return float(fitted(values).covariance.trace())


def by_square_root(a, b):
    root = sqrtm(a.covariance.numpy() @ b.covariance.numpy())
    rest = (a.mean - b.mean).square().sum() + a.covariance.trace() + b.covariance.trace()
    return float(rest) - 2 * root.trace().real


def identical_pairs():
    rng = torch.Generator().manual_seed(0)
    dead = features(200, 16)
    dead[:, 3] = 0
    graded = features(200, 64) * torch.logspace(0, -7, 64)
    return {
        "more samples than features": features(300, 32),
        "fewer samples than features": features(20, 64),
        "one sample more": features(65, 64),
        "a feature that is always 0": dead,
        "variances over 14 orders of magnitude": graded[:, torch.randperm(64, generator=rng)],
        "far from 0": features(20, 64, shift=30.0),
        "all the same": torch.ones(10, 8),
    }


@pytest.mark.parametrize("kind", identical_pairs())
def test_distance_of_a_set_to_itself_is_0(kind):
    values = identical_pairs()[kind]
    assert distance(values, values) <= 1e-6 * 2 * trace(values)


def test_distance_is_symmetric_and_does_not_depend_on_order_and_batches():
    real, fake = features(50, 16), features(30, 16, seed=1, shift=0.1)
    expected = distance(real, fake)
    assert expected > 0.1
    assert distance(fake, real) == pytest.approx(expected, rel=1e-9)
    order = torch.randperm(30, generator=torch.Generator().manual_seed(0))
    assert distance(real, fake, order=order, batch_size=30) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("samples", [10, 100])
def test_a_shift_costs_its_square(samples):
    values = features(samples, 32).double()
    shift = torch.linspace(-1, 1, 32, dtype=torch.float64)
    expected = float(shift.square().sum())
    assert distance(values, values + shift) == pytest.approx(expected, rel=1e-6)


def test_distance_on_the_line_is_the_closed_form():
    a, b = features(100, 1), 3 * features(80, 1, seed=1) + 1
    expected = float((a.double().mean() - b.double().mean()) ** 2 + (a.double().std() - b.double().std()) ** 2)
    assert distance(a, b) == pytest.approx(expected, rel=1e-9)


def test_distance_of_diagonal_gaussians_is_the_closed_form():
    a, b = torch.tensor([1.0, 4.0, 9.0]).double(), torch.tensor([4.0, 4.0, 0.0]).double()
    zero = torch.zeros(3, dtype=torch.float64)
    assert frechet_distance(Moments(9, zero, a.diag()), Moments(9, zero, b.diag())) == pytest.approx(1 + 0 + 9)


@pytest.mark.parametrize("samples", [200, 2000])
def test_distance_is_the_one_with_a_matrix_square_root(samples):
    a, b = fitted(features(samples, 48)), fitted(features(samples, 48, seed=1) * 1.1)
    assert frechet_distance(a, b) == pytest.approx(by_square_root(a, b), rel=1e-6)


@pytest.mark.parametrize("scale", [1.0, 1e-4, 1e4])
def test_the_factor_of_a_regular_covariance_gives_the_distance_of_the_pivoted_one(scale):
    spectrum = torch.logspace(0, -2.5, 64)
    a, b = (fitted(scale * (features(2000, 64, seed=seed) * spectrum + seed)) for seed in (0, 1))
    regular, pivoted = ([factor(side.covariance) for side in (a, b)] for factor in (regular_factor, pivoted_factor))
    assert [factor.shape for factor in regular] == [(64, 64), (64, 64)]
    one, other = (float(nuclear_norm(fake.T @ real)) for fake, real in (regular, pivoted))
    assert one == pytest.approx(other, rel=1e-12)
    rest = float((a.mean - b.mean).square().sum() + a.covariance.trace() + b.covariance.trace())
    assert rest - 2 * one == pytest.approx(frechet_distance(a, b), rel=1e-9)


def test_a_covariance_that_is_singular_up_to_rounding_has_no_regular_factor():
    dead = features(200, 16)
    dead[:, 3] = 0
    for values in (features(20, 64), dead, features(200, 64) * torch.logspace(0, -8, 64), torch.ones(10, 8)):
        assert regular_factor(fitted(values).covariance) is None


@pytest.mark.parametrize("samples", [20, 200])
def test_distance_agrees_with_torchmetrics(samples):
    real, fake = features(samples, 32), features(samples, 32, seed=1, shift=0.2)
    theirs = FrechetInceptionDistance(torch.nn.Identity(), input_img_size=(32,)).set_dtype(torch.float64)
    theirs.update(real, real=True)
    theirs.update(fake, real=False)
    assert distance(real, fake) == pytest.approx(float(theirs.compute()), rel=1e-4)


def test_sums_of_singular_values_keep_their_digits_where_the_smallest_are_lost_in_squares():
    values = torch.logspace(0, -12, 40, dtype=torch.float64)
    left, right = (torch.linalg.qr(features(40, 40, seed=seed).double()).Q for seed in (1, 2))
    matrix = left @ values.diag() @ right
    assert float(nuclear_norm(matrix)) == pytest.approx(float(values.sum()), rel=1e-12)
    assert float(nuclear_norm(matrix[:7])) == pytest.approx(float(torch.linalg.svdvals(matrix[:7]).sum()), rel=1e-12)
    assert nuclear_norm(matrix[:0]) == 0


def test_moments_are_those_of_all_batches():
    values = features(50, 8, shift=2.0)
    result = moments(sum(power_sums(batch) for batch in values.split(9)))
    assert result.count == 50
    assert torch.allclose(result.mean, values.double().mean(0))
    assert torch.allclose(result.covariance, values.double().T.cov())
    assert torch.allclose(result.factor @ result.factor.T, result.covariance)


def test_memory_does_not_grow_with_the_number_of_samples():
    metric = FrechetDistance(RealFeatures(features(9, 8)), 1000)
    metric.update(features(10, 8), torch.arange(10))
    before = metric.sums.shape
    score(metric, features(1000, 8), batch_size=100)
    assert metric.sums.shape == before == (9, 9)


def test_a_metric_begins_anew_after_reset():
    real, fake = features(50, 16), features(30, 16, seed=1)
    metric = FrechetDistance(RealFeatures(real), 30)
    first = score(metric, fake)
    metric.reset()
    assert score(metric, fake) == first


def test_one_sample_has_no_covariance():
    with pytest.raises(UserError, match="at least two"):
        distance(features(9, 4), features(1, 4))
    with pytest.raises(UserError, match="at least two"):
        distance(features(1, 4), features(9, 4))


@pytest.mark.filterwarnings("ignore:.*before the ``update``")
def test_no_sample_has_no_covariance():
    with pytest.raises(UserError, match="at least two"):
        FrechetDistance(RealFeatures(features(9, 4)), 10).compute()


def test_features_that_are_not_finite_are_counted():
    broken = features(9, 4)
    broken[2, 1], broken[5] = float("nan"), float("inf")
    with pytest.raises(UserError, match="2 of 9 samples"):
        distance(features(9, 4), broken)
    with pytest.raises(UserError, match="not finite"):
        distance(broken, features(9, 4))


def test_a_comparison_needs_a_reference():
    with pytest.raises(UserError, match="FrechetDistance compares with real images"):
        score(FrechetDistance(None, 9), features(9, 4))
