"""What ``resume=`` goes on from, and what it says where it cannot."""

import os
import shutil
import tempfile
from pathlib import Path

import pytest
import torch
import yaml

from ganexp.runs.checkpoint_diff import differences
from support.runs import TINY, images_seen, last_checkpoint, rows

KEEPING = [*TINY, "callbacks.checkpoints.every=64", "callbacks.checkpoints.keep=3"]


def change(run, edit):
    config = yaml.safe_load((run / "config.yaml").read_text())
    edit(config)
    (run / "config.yaml").write_text(yaml.safe_dump(config))


def test_a_run_goes_back_to_a_checkpoint_that_was_kept_and_comes_to_the_same_end(ganexp, here):
    assert ganexp(*KEEPING, "run_dir=run").status == 0
    run = here / "run"
    names = sorted(path.name for path in (run / "checkpoints").iterdir())
    assert names == ["00000128.ckpt", "00000192.ckpt", "00000256.ckpt", "last.ckpt"]
    before, curves = last_checkpoint(run), rows(run)
    assert ganexp("resume=run", "checkpoint=00000128").status == 0
    assert differences(before, last_checkpoint(run)) == []
    assert rows(run) == curves
    assert sorted(path.name for path in (run / "checkpoints").iterdir()) == names


@pytest.mark.slow
def test_going_back_forgets_what_came_after_before_anything_is_trained(ganexp, here, monkeypatch):
    from ganexp.callbacks.interruption import GracefulStop

    assert ganexp(*KEEPING, "run_dir=run").status == 0

    def killed(*_):
        raise KeyError("stands for a crash")

    monkeypatch.setattr(GracefulStop, "on_train_start", killed)
    with pytest.raises(KeyError):
        ganexp("resume=run", "checkpoint=00000192")
    assert images_seen(here / "run") == 192
    assert not (here / "run" / "checkpoints" / "00000256.ckpt").exists()


def test_a_checkpoint_that_is_not_there_is_named_with_those_that_are(ganexp, run):
    outcome = ganexp(f"resume={run}", "checkpoint=00000007")
    assert outcome.status == 2
    assert outcome.complaint.endswith("00000007.ckpt is missing; there are: last")


OTHERS = {
    "model=gan": "(the run differs: model._target_: ganexp.variants.conditional.ConditionalGAN against ",
    "model=cdcgan": "(the run differs: model.generator.network.width: 8 against ",
    "loss=hinge": "(the run differs: loss._target_: ganexp.losses.NonSaturating against ganexp.losses.Hinge)",
    "seed=7": "a resumed run keeps its seed; only ",
    "model.latent=3": "(the run has model.latent=100)",
}


@pytest.mark.parametrize(("override", "answer"), OTHERS.items(), ids=OTHERS)
def test_another_models_configuration_is_refused_with_what_differs(ganexp, run, override, answer):
    outcome = ganexp(f"resume={run}", "images=512", override)
    assert outcome.status == 2
    assert outcome.complaint.startswith(f"{override}: ")
    assert answer in outcome.complaint


@pytest.mark.slow
def test_the_runs_own_choices_may_be_said_again(ganexp, run):
    outcome = ganexp(f"resume={run}", "images=384", "loss=nonsaturating", "data=digits")
    assert outcome.status == 2
    # digits has another batch size.
    assert "data=digits: a resumed run keeps its data" in outcome.complaint
    assert ganexp(f"resume={run}", "images=384", "loss=nonsaturating", "normalization=batch").status == 0


def test_a_changed_configuration_that_no_longer_fits_is_told_by_its_settings(ganexp, run):
    change(run, lambda config: config["model"]["generator"]["network"].update(width=16))
    outcome = ganexp(f"resume={run}", "images=512")
    assert outcome.status == 2
    assert outcome.complaint.endswith(
        "last.ckpt does not fit the model in config.yaml: model.generator.network.width: 16 against 8"
    )


def test_weights_whose_settings_are_not_known_are_told_by_their_shapes(ganexp, run):
    change(run, lambda config: config["model"]["generator"]["network"].update(width=16))
    path = run / "checkpoints" / "last.ckpt"
    contents = last_checkpoint(run)
    del contents["callbacks"]["Settings"]
    torch.save(contents, path)
    outcome = ganexp(f"resume={run}", "images=512")
    assert outcome.status == 2
    told = outcome.complaint.partition("does not fit the model in config.yaml: ")[2]
    assert told.startswith("generator.")
    assert " against (" in told
    assert told.endswith(" more")


def test_a_changed_configuration_that_still_fits_is_told_and_trained(ganexp, run):
    change(run, lambda config: config["optimizer"]["generator"].update(lr=1e-3))
    outcome = ganexp(f"resume={run}", "images=384")
    assert outcome.status == 0
    assert "changed since the checkpoint: optimizer.generator.lr=0.001 from 256 images on, 0.0002 before" in outcome.err
    assert last_checkpoint(run)["optimizer_states"][1]["param_groups"][0]["lr"] == 1e-3


def test_an_unchanged_configuration_is_no_matter(ganexp, run):
    outcome = ganexp(f"resume={run}", "images=384", "callbacks.curves.every=64")
    assert outcome.status == 0
    assert "has changed" not in outcome.err


@pytest.mark.slow
def test_a_run_that_finished_its_epochs_says_so(ganexp, here):
    assert ganexp(*TINY, "run_dir=run", "images=100000", "trainer.max_epochs=1").status == 0
    before = last_checkpoint(here / "run")
    outcome = ganexp("resume=run")
    assert outcome.status == 0
    assert "it was already finished; to train longer, raise images= or trainer.max_epochs=" in outcome.err
    assert differences(before, last_checkpoint(here / "run")) == []
    assert ganexp("resume=run", "trainer.max_epochs=2").status == 0
    assert images_seen(here / "run") == 2 * 1792


@pytest.fixture
def unprivileged():
    """Nobody's rights, which matter to a superuser's tests, and a folder that nobody may read."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        superuser = os.geteuid() == 0
        yield Path(folder), lambda: os.seteuid(65534) if superuser else None
        if superuser:
            os.seteuid(0)


def everybodys(finished, run):
    """Return a copy of a run in which everybody may read and write."""
    shutil.copytree(finished, run)
    for path in [run, *run.rglob("*")]:
        path.chmod(0o777 if path.is_dir() else 0o666)
    return run


@pytest.mark.parametrize("locked", [".", "checkpoints"])
def test_a_runs_folder_that_cannot_be_written_is_named(ganexp, finished, unprivileged, locked, monkeypatch):
    folder, give_up_rights = unprivileged
    run = everybodys(finished, folder / "run")
    for path in [run, run / "log.txt"] if locked == "." else [run / locked]:
        path.chmod(0o555 if path.is_dir() else 0o444)
    before = (run / "checkpoints" / "last.ckpt").read_bytes()
    monkeypatch.chdir(folder)
    give_up_rights()
    outcome = ganexp(f"resume={run}", "images=320")
    assert outcome.status == 1
    assert outcome.complaint.startswith(f"cannot write {run}")
    assert "Permission denied; files written earlier are intact" in outcome.complaint
    assert (run / "checkpoints" / "last.ckpt").read_bytes() == before


@pytest.mark.parametrize("unread", ["config.yaml", "checkpoints/last.ckpt"])
def test_what_cannot_be_read_is_not_told_as_if_it_were_written(ganexp, finished, unprivileged, unread, monkeypatch):
    folder, give_up_rights = unprivileged
    run = everybodys(finished, folder / "run")
    (run / unread).chmod(0o222)
    monkeypatch.chdir(folder)
    give_up_rights()
    outcome = ganexp(f"resume={run}", "images=320")
    assert outcome.status == 1
    assert outcome.complaint.startswith(f"cannot read {run / unread}: Permission denied")
