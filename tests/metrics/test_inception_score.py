"""Inception Score against closed forms and torch-fidelity."""

import pytest
import torch
from fakes import features, score

from ganexp.errors import UserError
from ganexp.metrics.inception_score import InceptionScore, split_numbers

metric_isc = pytest.importorskip("torch_fidelity.metric_isc", reason="torch-fidelity is not installed")
KEY_METRIC_ISC_MEAN = metric_isc.KEY_METRIC_ISC_MEAN
KEY_METRIC_ISC_STD = metric_isc.KEY_METRIC_ISC_STD
isc_features_to_metric = metric_isc.isc_features_to_metric


def inception_score(logits, splits=10, **how):
    return score(InceptionScore(None, len(logits), splits), logits, **how)[""]


def test_samples_that_all_look_the_same_score_1():
    assert inception_score(torch.randn(1, 12).expand(40, 12)) == pytest.approx((1, 0))


def test_confident_samples_of_all_classes_score_the_number_of_classes():
    logits = 1e4 * torch.eye(7).repeat(3, 1)
    assert inception_score(logits, splits=1) == pytest.approx((7, 0))


@pytest.mark.parametrize(("samples", "splits"), [(103, 10), (60, 7), (50, 1), (10, 10)])
def test_score_is_torch_fidelitys(samples, splits):
    logits = 3 * features(samples, 20)
    theirs = isc_features_to_metric(logits, splits)
    expected = theirs[KEY_METRIC_ISC_MEAN], theirs[KEY_METRIC_ISC_STD]
    assert inception_score(logits, splits) == pytest.approx(expected, rel=1e-6)


def test_score_does_not_depend_on_order_and_batches():
    logits = 3 * features(53, 20)
    order = torch.randperm(53, generator=torch.Generator().manual_seed(0))
    shuffled = inception_score(logits, order=order, batch_size=20)
    assert shuffled == pytest.approx(inception_score(logits), rel=1e-9)


def test_score_does_not_depend_on_what_is_added_to_all_logits_of_a_sample():
    logits = features(30, 20)
    assert inception_score(logits + torch.arange(30.0)[:, None]) == pytest.approx(inception_score(logits), rel=1e-4)


def test_there_are_no_more_splits_than_samples():
    assert InceptionScore(None, 4).settings() == {"splits": 4}
    assert inception_score(features(4, 5)) == pytest.approx((1, 0))


@pytest.mark.parametrize(("samples", "splits"), [(103, 10), (7, 3)])
def test_splits_are_even_and_of_all_samples(samples, splits):
    sizes = split_numbers(samples, splits).bincount()
    assert len(sizes) == splits
    assert sizes.max() - sizes.min() <= 1


def test_memory_does_not_grow_with_the_number_of_samples():
    few, many = InceptionScore(None, 20), InceptionScore(None, 2000)
    score(few, features(20, 5))
    score(many, features(2000, 5), batch_size=500)
    assert few.metric_state.keys() == many.metric_state.keys()
    assert all(few.metric_state[name].shape == many.metric_state[name].shape for name in few.metric_state)


def test_logits_that_are_not_finite_are_counted():
    logits = features(9, 4)
    logits[4, 2] = float("inf")
    with pytest.raises(UserError, match="1 of 9 samples"):
        inception_score(logits)
