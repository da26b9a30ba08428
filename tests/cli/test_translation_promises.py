"""Resuming, sweeps and W&B with pix2pix and CycleGAN."""

import pytest
import torch

from cli.test_translation_runs import MODELS, TINY
from ganexp.cli import main
from support.runs import last_weights


@pytest.fixture(scope="module", params=MODELS)
def game(request, tmp_path_factory):
    """A model's overrides, and the folder of its run with W&B, stopped half-way and resumed."""
    folder = tmp_path_factory.mktemp(request.param) / "run"
    overrides = [*MODELS[request.param], *TINY, "schedule=constant"]
    offline = ["logger=[csv,wandb]", "logger.wandb.mode=offline"]
    assert main.main([*overrides, *offline, "images=16", f"run_dir={folder}"]) == 0
    assert main.main([f"resume={folder}", "images=32"]) == 0
    return overrides, folder


@pytest.mark.slow
def test_a_resumed_run_equals_an_uninterrupted_run_of_a_sweep(game, ganexp, here):
    overrides, resumed = game
    assert ganexp("-m", *overrides, "seed=0,1", "hydra.sweep.dir=sweep", "hydra.sweep.subdir=${seed}").status == 0
    whole, other = (last_weights(here / "sweep" / seed) for seed in "01")
    torch.testing.assert_close(last_weights(resumed), whole, rtol=0, atol=0)
    assert any(not tensor.equal(other[name]) for name, tensor in whole.items())


@pytest.mark.slow
def test_wandb_has_the_grids_from_before_and_after_resuming(game):
    _, run = game
    parts = sorted((run / "wandb").glob("offline-run-*"))
    assert [part.name.rpartition("-")[2] for part in parts] == [(run / "wandb" / "id").read_text().strip()] * 2
    assert all(list(part.rglob("*.png")) for part in parts)
