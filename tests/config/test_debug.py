"""Presets of the group ``debug``: what they do to a run, and that comparisons keep such runs apart."""

from types import SimpleNamespace

import pytest
from omegaconf import OmegaConf

from ganexp.cli import resume
from ganexp.comparison.settings import identity
from ganexp.config import composition
from ganexp.data.loading import global_batches
from ganexp.runs import provenance
from support.runs import TINY


@pytest.fixture(autouse=True)
def _resolvers():
    composition.register_resolvers()


@pytest.mark.parametrize("name", composition.groups(composition.conf_dir())["debug"])
def test_a_debugging_run_is_another_experiment(name):
    assert identity({"debug": name, "seed": 0}) != identity({"seed": 0})
    assert composition.compose_or_empty([f"debug={name}"], [])["debug"] == name


def test_a_fast_run_has_no_scores_and_the_command_line_wins():
    config = composition.compose_or_empty(["debug=fast", "images=80"], [])
    assert (config["images"], config["callbacks"]["scores"], config["trainer"]["accelerator"]) == (80, None, "cpu")


@pytest.mark.parametrize(("overfit", "repeats"), [(1, True), (0, False)])
def test_overfitting_starts_every_epoch_with_the_first_batch(overfit, repeats):
    module = SimpleNamespace(batches_seen=0, real_batches=1)
    trainer = SimpleNamespace(lightning_module=module, overfit_batches=overfit, global_rank=0, world_size=1)
    batches = global_batches(64, 4, 0, trainer)
    first = next(iter(batches))
    module.batches_seen = 1
    assert (next(iter(batches)) == first) is repeats


def test_loggers_with_an_unset_name_are_named_after_the_run(monkeypatch):
    choices = {"model": "dcgan_small", "data": "digits", "loss": "hinge"}
    composed = SimpleNamespace(runtime=SimpleNamespace(choices=choices))
    monkeypatch.setattr(provenance.HydraConfig, "get", lambda: composed)
    loggers = {
        "csv": {"folder": "a"},
        "wandb": {"name": None, "group": None},
        "mine": {"name": "own", "group": "sweep"},
    }
    config = OmegaConf.create({"seed": 3, "logger": loggers})
    provenance.name_in_loggers(config.logger, config.seed)
    assert config.logger == {
        "csv": {"folder": "a"},
        "wandb": {"name": "dcgan_small-digits-hinge-s3", "group": "dcgan_small-digits-hinge"},
        "mine": {"name": "own", "group": "sweep"},
    }


@pytest.mark.slow
def test_a_logger_that_a_resumed_run_adds_is_named_after_the_run(ganexp, run, monkeypatch):
    trained = []
    monkeypatch.setattr(resume.launch, "fit", trained.append)
    assert ganexp(f"resume={run}", "images=512", "logger=[csv,wandb]").status == 0
    assert trained[0].config.logger.wandb.name == "cdcgan-digits-nonsaturating-s0"
    assert "name" not in trained[0].config.logger.csv
    (run / "summary.json").write_text('{"choices": ["a stranger\'s"]}')
    assert ganexp(f"resume={run}", "images=512", "logger=wandb").status == 0
    assert trained[1].config.logger.wandb.name is None


@pytest.mark.slow
def test_a_profiled_run_is_resumed_and_profiled_again(ganexp, here):
    assert ganexp("debug=profile", *TINY, "run_dir=run").status == 0
    assert ganexp("resume=run", "images=512").status == 0
    assert (here / "run" / "fit-profile.txt").read_text().count("FIT Profiler Report") == 2
