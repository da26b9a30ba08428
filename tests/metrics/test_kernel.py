"""Kernel distance against the formula and torch-fidelity."""

import pytest
import torch

from ganexp.errors import UserError
from ganexp.metrics import kernel
from ganexp.metrics.kernel import KernelDistance
from support.fakes import RealFeatures, features, score

metric_kid = pytest.importorskip("torch_fidelity.metric_kid", reason="torch-fidelity is not installed")
KEY_METRIC_KID_MEAN = metric_kid.KEY_METRIC_KID_MEAN
KEY_METRIC_KID_STD = metric_kid.KEY_METRIC_KID_STD
kid_features_to_metric = metric_kid.kid_features_to_metric


def metric(real, samples, **settings):
    return KernelDistance(RealFeatures(real), samples, **settings)


def formula(x, y):
    def kernel(a, b):
        return float((a @ b / len(a) + 1) ** 3)

    x, y = x.double(), y.double()
    within = [sum(kernel(a, b) for a in s for b in s if a is not b) for s in (list(x), list(y))]
    across = sum(kernel(a, b) for a in x for b in y)
    return within[0] / len(x) / (len(x) - 1) + within[1] / len(y) / (len(y) - 1) - 2 * across / len(x) / len(y)


def test_distance_of_whole_sets_is_the_papers_formula():
    real, fake = features(9, 5), features(9, 5, seed=1, shift=0.3)
    result = score(metric(real, 9, subsets=2), fake)[""]
    assert result.value == pytest.approx(formula(real, fake), rel=1e-9)
    # Every subset is all images, which says nothing of the deviation.
    assert result.spread is None


def test_distance_is_torch_fidelitys():
    real, fake = features(60, 16), features(45, 16, seed=1, shift=0.3)
    theirs = kid_features_to_metric(fake, real, kid_subsets=10, kid_subset_size=20, verbose=False)
    result = score(metric(real, 45, subsets=10, subset_size=20), fake)[""]
    assert result == pytest.approx((theirs[KEY_METRIC_KID_MEAN], theirs[KEY_METRIC_KID_STD]), rel=1e-3)


def test_distance_does_not_depend_on_order_and_batches():
    real, fake = features(60, 16), features(45, 16, seed=1)
    order = torch.randperm(45, generator=torch.Generator().manual_seed(0))
    shuffled = score(metric(real, 45, subset_size=20), fake, order=order, batch_size=45)
    assert shuffled == score(metric(real, 45, subset_size=20), fake)


def test_distance_of_the_same_distribution_is_about_0():
    real = features(200, 16)
    result = score(metric(real, 200, subset_size=50), features(200, 16, seed=1))[""]
    assert abs(result.value) < result.spread
    assert score(metric(real, 200), real)[""].value < 0


def test_subsets_are_no_larger_than_the_smaller_side():
    assert metric(features(60, 4), 45).settings() == {"subsets": 100, "subset_size": 45, "seed": 2020}
    assert metric(features(30, 4), 45).settings()["subset_size"] == 30
    assert metric(features(30, 4), 45, subset_size=10).settings()["subset_size"] == 10


@pytest.mark.parametrize(("real", "fake"), [(1, 9), (9, 1)])
def test_one_image_has_no_distance(real, fake):
    with pytest.raises(UserError, match="at least two"):
        score(metric(features(real, 4), fake), features(fake, 4))


def test_features_that_are_not_finite_are_counted():
    broken = features(9, 4)
    broken[:3] = float("nan")
    with pytest.raises(UserError, match="3 of 9 samples"):
        score(metric(features(9, 4), 9), broken)


def at_once(fake, real, fakes, reals):
    return kernel.within(fake, fakes) + kernel.within(real, reals) - 2 * kernel.across(fake, real, fakes, reals)


def test_kernels_computed_at_once_and_one_subset_at_a_time_agree():
    real, fake = features(60, 16).double(), features(45, 16, seed=1, shift=0.3).double()
    chosen = metric(real, 45, subsets=10, subset_size=20).chosen(45, 60)
    together = at_once(fake, real, *chosen)
    assert torch.allclose(together, kernel.one_by_one(fake, real, *chosen), rtol=1e-9)
    assert together.std() > 0


def test_blocks_do_not_change_the_distance(monkeypatch):
    real, fake = features(60, 16).double(), features(45, 16, seed=1).double()
    chosen = metric(real, 45, subsets=10, subset_size=20).chosen(45, 60)
    whole = at_once(fake, real, *chosen)
    monkeypatch.setattr(kernel, "BLOCK", 7)
    assert torch.allclose(at_once(fake, real, *chosen), whole, rtol=1e-12, atol=1e-12)
