"""Truncation: narrower noise reduces diversity; noise without tails is refused."""

from dataclasses import replace

import pytest
import torch
from PIL import Image

from ganexp.analysis.truncation import Truncation, trade_off
from ganexp.errors import UserError
from ganexp.noise import truncated, uniform
from support.subjects import rng, subject


def truncatable():
    untruncated = subject()

    def truncate(threshold):
        return replace(untruncated, noise=truncated(untruncated.noise, threshold))

    untruncated.truncated = truncate
    return untruncated


def test_equal_features_keep_their_diversity_and_shrunken_ones_lose_it():
    real = torch.randn(200, 8, generator=rng(1))
    same = trade_off(real, real)
    assert (same.precision, same.recall) == (1, 1)
    assert same.diversity == pytest.approx(1)
    assert same.distance == pytest.approx(0, abs=1e-9)
    half = trade_off(0.5 * real, real)
    assert half.diversity == pytest.approx(0.25)
    assert half.recall < half.precision
    # The Gaussians have the same mean up to a half, and covariances of ratio 4: |m|^2 / 4 + Tr(S) / 4.
    expected = real.double().mean(0).square().sum() / 4 + torch.cov(real.double().T).trace() / 4
    assert half.distance == pytest.approx(float(expected))


def test_diversity_rises_with_the_threshold_to_that_of_untruncated_noise(tmp_path):
    figures = Truncation(thresholds=[2.0, 0.2, 9.0], samples=600, shown=5)(truncatable(), tmp_path)
    assert figures["thresholds"] == [0.2, 2.0, 9.0]
    small, middle, large = figures["diversity"]
    assert small < middle <= large
    assert large == pytest.approx(figures["diversity_of_whole_noise"], rel=0.1)
    # Four rows of five images of 4x4 with their frames, enlarged.
    assert Image.open(tmp_path / "samples.png").size == (16 * 26, 16 * 21)


def test_uniform_noise_is_refused():
    without_tails = subject()
    without_tails.noise = uniform
    assert "has no tails to truncate" in Truncation().reason_against(without_tails)
    assert Truncation().reason_against(subject()) is None


@pytest.mark.parametrize("thresholds", [[], [0.0], [-1], [float("inf")], ["wide"]])
def test_invalid_thresholds_are_named(thresholds):
    with pytest.raises(UserError, match=r"thresholds=.*finite numbers above 0 are expected"):
        Truncation(thresholds=thresholds)
