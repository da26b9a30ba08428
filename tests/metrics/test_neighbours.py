"""Precision, recall, density and coverage against naive formulas and torch-fidelity."""

import pytest
import torch
from fakes import RealFeatures, features, score

from ganexp.errors import UserError
from ganexp.metrics import neighbours
from ganexp.metrics.neighbours import DensityCoverage, PrecisionRecall

metric_prc = pytest.importorskip("torch_fidelity.metric_prc", reason="torch-fidelity is not installed")
KEY_METRIC_PRECISION = metric_prc.KEY_METRIC_PRECISION
KEY_METRIC_RECALL = metric_prc.KEY_METRIC_RECALL
prc_features_to_metric = metric_prc.prc_features_to_metric


@pytest.fixture(params=[4096, 16], ids=["one block", "many blocks"])
def block(request, monkeypatch):
    monkeypatch.setattr(neighbours, "BLOCK", request.param)


def precision_recall(real, fake, **how):
    return {name: s.value for name, s in score(PrecisionRecall(RealFeatures(real), len(fake)), fake, **how).items()}


def density_coverage(real, fake, **how):
    return {name: s.value for name, s in score(DensityCoverage(RealFeatures(real), len(fake)), fake, **how).items()}


def naive_density_and_coverage(real, fake, k):
    def gap(a, b):
        return float((a - b).double().norm())

    reach = [sorted(gap(x, other) for other in real)[k] for x in real]
    inside = [[gap(x, y) <= r for y in fake] for x, r in zip(real, reach, strict=True)]
    return {"density": sum(map(sum, inside)) / k / len(fake), "coverage": sum(map(any, inside)) / len(real)}


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_precision_and_recall_are_torch_fidelitys(block, seed):
    real, fake = features(90, 4, seed), 0.7 * features(61, 4, seed + 10, shift=0.4)
    theirs = prc_features_to_metric(fake, real, verbose=False)
    expected = {"precision": theirs[KEY_METRIC_PRECISION], "recall": theirs[KEY_METRIC_RECALL]}
    assert precision_recall(real, fake) == pytest.approx(expected)
    assert 0 < expected["recall"] < expected["precision"] < 1


@pytest.mark.parametrize("seed", [0, 1])
def test_density_and_coverage_are_the_papers_formulas(block, seed):
    real, fake = features(40, 4, seed), 0.7 * features(35, 4, seed + 10, shift=0.4)
    assert density_coverage(real, fake) == pytest.approx(naive_density_and_coverage(real, fake, 5))


def test_disjoint_sets_score_0(block):
    real, fake = features(40, 8), features(35, 8, seed=1, shift=100.0)
    assert precision_recall(real, fake) == {"precision": 0, "recall": 0}
    assert density_coverage(real, fake) == {"density": 0, "coverage": 0}


@pytest.mark.parametrize("shift", [0.0, 100.0])
def test_a_set_covers_itself(block, shift):
    real = features(40, 8, shift=shift)
    assert precision_recall(real, real) == {"precision": 1, "recall": 1}
    scores = density_coverage(real, real)
    assert scores["coverage"] == 1
    assert scores["density"] == pytest.approx(1 + 1 / 5, rel=0.02)


def test_a_collapsed_generator_is_precise_and_recalls_nothing():
    real = features(100, 8)
    scores = precision_recall(real, real[:1] + 1e-4 * features(50, 8, seed=1))
    assert scores["precision"] == 1
    assert scores["recall"] <= 0.01


def test_scores_do_not_depend_on_order_and_batches():
    real, fake = features(40, 4), features(35, 4, seed=1)
    order = torch.randperm(35, generator=torch.Generator().manual_seed(0))
    for measure in (precision_recall, density_coverage):
        assert measure(real, fake, order=order, batch_size=35) == measure(real, fake)


@pytest.mark.parametrize(("real", "fake"), [(3, 9), (9, 3)])
def test_there_must_be_more_images_than_neighbours(real, fake):
    with pytest.raises(UserError, match="at least 4 images"):
        precision_recall(features(real, 4), features(fake, 4))
    with pytest.raises(UserError, match="at least 6 images"):
        density_coverage(features(3, 4), features(fake, 4))


def test_settings_name_the_neighbours():
    assert PrecisionRecall(None, 9).settings() == {"k": 3}
    assert DensityCoverage(None, 9).settings() == {"k": 5}


def test_features_that_are_not_finite_are_counted():
    broken = features(9, 4)
    broken[0, 0] = float("-inf")
    with pytest.raises(UserError, match="1 of 9 samples"):
        precision_recall(features(9, 4), broken)
