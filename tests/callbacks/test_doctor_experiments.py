"""The doctor on games that are known to be sick, or healthy: 8 Gaussians on a ring, and 25 on a grid."""

import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parents[2] / "benchmarks"))

import doctor


def played(mixture, game, folder):
    return doctor.play(doctor.GAMES[f"{mixture}, {game}"], folder / "run")


@pytest.mark.slow
@pytest.mark.parametrize("mixture", ["ring", "grid in a corner"])
def test_a_minimax_game_with_a_far_too_strong_discriminator_is_diagnosed_as_vanishing(tmp_path, mixture):
    findings = played(mixture, "minimax, D far too strong", tmp_path).findings
    assert any(finding.startswith("vanishing gradient") and "D is too strong" in finding for finding in findings)


@pytest.mark.slow
@pytest.mark.parametrize("mixture", ["ring", "grid"])
def test_a_generator_that_runs_ahead_is_diagnosed_as_collapse(tmp_path, mixture):
    findings = played(mixture, "G far ahead", tmp_path).findings
    assert any(finding.startswith("mode collapse") for finding in findings)


@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("game", ["R1", "WGAN-GP", "spectral normalization"])
def test_a_discriminator_of_bounded_slope_is_found_healthy_and_its_game_covers_all_modes(tmp_path, game):
    healthy = played("ring", game, tmp_path)
    assert healthy.findings == []
    assert healthy.scores["modes_covered"] == 8


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_a_gradient_penalty_learns_the_grid_and_is_found_healthy(tmp_path):
    healthy = played("grid", "WGAN-GP", tmp_path)
    assert healthy.findings == []
    assert healthy.scores["modes_covered"] == 25
    # Samples spread evenly over the square cover all modes too, with 7 % of them near one.
    assert healthy.scores["modes_quality"] > 0.4
