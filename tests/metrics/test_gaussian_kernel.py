"""CMMD's distance: closed forms, blocks, order, and the kernel's settings in the protocol."""

import math

import pytest
import torch

from ganexp.metrics import gaussian_kernel
from ganexp.metrics.gaussian_kernel import GaussianMMD
from support.fakes import RealFeatures, features, score


def metric(real, samples, **settings):
    return GaussianMMD(RealFeatures(real), samples, **settings)


def test_two_points_have_the_closed_form():
    real, fake = torch.zeros(1, 3), torch.tensor([[3.0, 4.0, 0.0]])
    value = score(metric(real, 1, sigma=2.0, scale=7.0), fake)[""].value
    assert value == pytest.approx(7 * (2 - 2 * math.exp(-25 / 8)), rel=1e-12)


def test_equal_sets_have_no_distance_and_a_shift_adds_to_it():
    real = features(30, 8)
    assert score(metric(real, 30), real)[""].value == pytest.approx(0, abs=1e-9)
    shifted = [score(metric(real, 30), real + shift)[""].value for shift in (0.1, 0.5, 2.0)]
    assert 0 < shifted[0] < shifted[1] < shifted[2]


def test_neither_blocks_nor_order_change_the_distance(monkeypatch):
    real, fake = features(20, 8), features(17, 8, seed=1)
    whole = score(metric(real, 17), fake)[""].value
    monkeypatch.setattr(gaussian_kernel, "BLOCK", 3)
    order = torch.randperm(17, generator=torch.Generator().manual_seed(0))
    assert score(metric(real, 17), fake, order=order, batch_size=5)[""].value == pytest.approx(whole, rel=1e-12)


def test_the_kernel_is_part_of_the_protocol():
    assert metric(features(3, 2), 3).settings() == {"sigma": 10.0, "scale": 1000.0}
