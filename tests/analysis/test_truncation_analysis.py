"""Truncation: narrower noise, less variety; refused where there are no tails."""

from dataclasses import replace

import pytest
import torch
from PIL import Image

from ganexp.analysis.truncation import Truncation, trade
from ganexp.errors import UserError
from ganexp.noise import truncated, uniform
from support.subjects import rng, subject


def cuttable():
    whole = subject()

    def cut(threshold):
        return replace(whole, noise=truncated(whole.noise, threshold))

    whole.truncated = cut
    return whole


def test_equal_sides_lose_nothing_and_shrunken_ones_their_variety():
    real = torch.randn(200, 8, generator=rng(1))
    same = trade(real, real)
    assert (same.precision, same.recall) == (1, 1)
    assert same.diversity == pytest.approx(1)
    assert same.distance == pytest.approx(0, abs=1e-9)
    half = trade(0.5 * real, real)
    assert half.diversity == pytest.approx(0.25)
    assert half.recall < half.precision
    # The Gaussians have the same mean up to a half, and covariances of ratio 4: |m|^2 / 4 + Tr(S) / 4.
    expected = real.double().mean(0).square().sum() / 4 + torch.cov(real.double().T).trace() / 4
    assert half.distance == pytest.approx(float(expected))


def test_variety_falls_with_the_threshold_to_that_of_whole_noise(tmp_path):
    figures = Truncation(thresholds=[2.0, 0.2, 9.0], samples=600, shown=5)(cuttable(), tmp_path)
    assert figures["thresholds"] == [0.2, 2.0, 9.0]
    small, middle, large = figures["diversity"]
    assert small < middle <= large
    assert large == pytest.approx(figures["diversity_of_whole_noise"], rel=0.1)
    # Four rows of five images of 4x4 with their frames, enlarged.
    assert Image.open(tmp_path / "samples.png").size == (16 * 26, 16 * 21)


def test_uniform_noise_is_refused():
    uncut = subject()
    uncut.noise = uniform
    assert "has no tails to cut off" in Truncation().reason_against(uncut)
    assert Truncation().reason_against(subject()) is None


@pytest.mark.parametrize("thresholds", [[], [0.0], [-1], [float("inf")], ["wide"]])
def test_what_is_no_threshold_is_named(thresholds):
    with pytest.raises(UserError, match=r"thresholds=.*finite numbers above 0 are expected"):
        Truncation(thresholds=thresholds)
