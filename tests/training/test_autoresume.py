"""``autoresume=true``: the same command starts a run, continues it, and leaves it alone once it is finished."""

import os
import signal

import pytest
import torch

from ganexp.game.module import AdversarialModule
from support.runs import TINY, last_weights, rows

SAME = [*TINY, "run_dir=run", "autoresume=true"]


def stop_after(monkeypatch, batches):
    step = AdversarialModule.training_step

    def signalled(self, batch, number):
        step(self, batch, number)
        if self.batches_seen == batches:
            os.kill(os.getpid(), signal.SIGTERM)

    monkeypatch.setattr(AdversarialModule, "training_step", signalled)


def test_the_same_command_starts_continues_and_ends(ganexp, here, monkeypatch):
    with monkeypatch.context() as patched:
        stop_after(patched, 2)
        assert ganexp(*SAME).status == 143
    assert ganexp(*SAME).status == 0
    whole = ganexp(*TINY, "run_dir=whole", "autoresume=true")
    assert whole.status == 0
    torch.testing.assert_close(last_weights(here / "run"), last_weights(here / "whole"), rtol=0, atol=0)
    assert rows(here / "run") == rows(here / "whole")
    assert (here / "run" / "config.yaml").read_text() == (here / "whole" / "config.yaml").read_text()
    before = {path: path.read_bytes() for path in (here / "run").rglob("*") if path.is_file()}
    again = ganexp(*SAME)
    assert again.status == 0
    assert again.err.splitlines() == [f"{here / 'run'} is finished: images=256 have been seen"]
    assert {path: path.read_bytes() for path in (here / "run").rglob("*") if path.is_file()} == before
    other = ganexp(*SAME, "loss=hinge")
    assert other.status == 2
    assert "holds a run with other settings (loss._target_: " in other.complaint
    without = ganexp(*TINY, "run_dir=run")
    assert without.status == 2
    assert "continue it with resume=" in without.complaint
    assert "or autoresume=true" in without.complaint


@pytest.mark.slow
def test_a_command_whose_run_ended_without_a_checkpoint_can_be_repeated(ganexp, here, monkeypatch):
    def fails(self, batch, number):
        raise RuntimeError("broken")

    with monkeypatch.context() as patched:
        patched.setattr(AdversarialModule, "training_step", fails)
        with pytest.raises(RuntimeError, match="broken"):
            ganexp(*TINY, "run_dir=run")
    assert (here / "run" / "samples" / "00000000.png").exists()
    note = here / "run" / "note.txt"
    note.write_text("mine")
    other = ganexp(*TINY, "run_dir=run", "loss=hinge")
    assert "holds a run with other settings" in other.complaint
    assert ganexp(*TINY, "run_dir=run").status == 0
    assert rows(here / "run")[-1]["images"] == "256"
    assert note.read_text() == "mine"


def test_without_a_folder_that_the_next_start_finds_it_is_refused(ganexp, here):
    assert "name the run's folder by run_dir=DIR" in ganexp(*TINY, "autoresume=true").complaint
    assert list(here.iterdir()) == []
