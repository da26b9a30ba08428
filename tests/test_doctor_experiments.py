"""The doctor on games that are known to be sick, or healthy: the ring of 8 Gaussians."""

import json

import pytest

from ganexp import cli

RING = [
    "model=gan", "data=gaussians", "data.batch_size=256", "model.generator.widths=[128,128]", "model.latent=2",
    "schedule=constant", "normalization=none", "trainer=cpu", "callbacks.samples=null", "logger=none",
]  # fmt: skip
STRONG = [
    "loss=minimax", "images=200_000", "model.discriminator.widths=[512,512]", "model.critic_steps=10",
    "optimizer.discriminator.lr=2e-3", "optimizer.generator.lr=1e-5",
]  # fmt: skip
HASTY = [
    "loss=nonsaturating", "images=80_000", "model.discriminator.widths=[128,128]", "optimizer.generator.lr=2e-3",
    "optimizer.discriminator.lr=2e-4",
]  # fmt: skip
HELD = [
    "loss=nonsaturating", "penalty=r1", "penalty.r1.weight=1", "images=200_000", "model.discriminator.widths=[128,128]",
    "optimizer.generator.lr=1e-3", "optimizer.discriminator.lr=1e-3",
]  # fmt: skip


def said(folder, *settings):
    assert cli.main([*RING, *settings, f"run_dir={folder}"]) == 0
    return [
        line.partition("doctor: ")[2] for line in (folder / "log.txt").read_text().splitlines() if "doctor:" in line
    ]


@pytest.mark.slow
def test_a_minimax_game_with_a_far_too_strong_discriminator_is_diagnosed_as_vanishing(tmp_path):
    findings = said(tmp_path / "run", *STRONG, "metric=none")
    assert any(finding.startswith("vanishing gradient") and "D is too strong" in finding for finding in findings)


@pytest.mark.slow
def test_a_generator_that_runs_ahead_is_diagnosed_as_collapse(tmp_path):
    findings = said(tmp_path / "run", *HASTY, "metric=none")
    assert any(finding.startswith("mode collapse") for finding in findings)


@pytest.mark.slow
def test_a_penalized_discriminator_is_found_healthy_and_covers_all_modes(tmp_path):
    assert said(tmp_path / "run", *HELD) == []
    covered, _ = json.loads((tmp_path / "run" / "scores.json").read_text())["scores"]
    assert (covered["name"], covered["value"]) == ("modes_covered", 8)
