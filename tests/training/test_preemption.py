"""A run in a SLURM job, with a stand-in for scontrol: preempted, put back into the queue, gone on with."""

import os
import signal

import pytest
import torch

from ganexp.game.module import AdversarialModule
from support.parts import thinned
from support.runs import TINY, images_seen, last_weights, rows

PREEMPTED = "JobState=RUNNING PreemptTime=2026-01-01T00:00:09"
CANCELLED = "JobState=COMPLETING PreemptTime=None"
LONG = [*TINY, "images=256", "callbacks.samples=null"]


@pytest.fixture
def job(here, monkeypatch):
    """Makes this process a SLURM job of which ``scontrol`` says something; returns how that was called."""
    programs = here / "bin"
    programs.mkdir()
    for name, value in (("SLURM_JOB_ID", "7"), ("ENVIRONMENT", "BATCH"), ("SLURM_STEP_ID", "0")):
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")

    def known_as(state, requeue="exit 0"):
        program = programs / "scontrol"
        program.write_text(f'#!/bin/sh\necho "$@" >> {here}/called\n[ $1 = show ] && echo {state} || {requeue}\n')
        program.chmod(0o755)
        return here / "called"

    return known_as


@pytest.fixture
def signalled(monkeypatch):
    """Sends signals between the two players' turns of the third batch."""

    def at_third_batch(*numbers):
        def signalled_turn(self, player, optimizer, batch):
            turn(self, player, optimizer, batch)
            if player.name == "discriminator" and self.batches_seen == 2 and numbers:
                for number in numbers:
                    os.kill(os.getpid(), number)

        monkeypatch.setattr(AdversarialModule, "turn", signalled_turn)

    turn = AdversarialModule.turn
    return at_third_batch


@pytest.mark.parametrize("number", thinned([signal.SIGUSR1, signal.SIGUSR2], 2))
def test_a_warning_that_the_time_is_nearly_up_puts_the_job_back_into_the_queue(ganexp, here, job, signalled, number):
    called = job(CANCELLED)
    signalled(number)
    assert ganexp(*LONG, "run_dir=run").status == 128 + number
    assert called.read_text() == "requeue 7\n"
    assert images_seen(here / "run") == 192


def test_a_preempted_job_saves_after_the_batch_goes_back_into_the_queue_and_on_exactly(ganexp, here, job, signalled):
    called = job(PREEMPTED)
    # Twice, as srun passes on what SLURM sends as well.
    signalled(signal.SIGTERM, signal.SIGTERM)
    outcome = ganexp(*LONG)
    assert outcome.status == 143
    assert "stopped after 192 images" in outcome.complaint
    assert called.read_text().splitlines() == ["show job 7", "requeue 7"]
    (run,) = here.glob("outputs/*/*")
    assert run.name == "slurm-7-0"
    assert images_seen(run) == 192
    assert "job 7 is requeued, and continues from here" in (run / "log.txt").read_text()
    signalled()
    assert ganexp(*LONG).status == 0
    assert list(here.glob("outputs/*/*")) == [run]
    assert ganexp(*LONG, "run_dir=whole").status == 0
    torch.testing.assert_close(last_weights(run), last_weights(here / "whole"), rtol=0, atol=0)
    assert rows(run) == rows(here / "whole")


@pytest.mark.parametrize("number", thinned([signal.SIGTERM, signal.SIGINT], 2))
def test_what_a_user_stops_is_saved_and_stays_out_of_the_queue(ganexp, here, job, signalled, number):
    called = job(CANCELLED)
    signalled(number)
    assert ganexp(*LONG, "run_dir=run").status == 128 + number
    assert images_seen(here / "run") == 192
    assert "requeue" not in (called.read_text() if called.exists() else "")


@pytest.mark.slow
def test_a_site_without_requeue_is_told_and_the_same_command_goes_on(ganexp, here, job, signalled):
    job(PREEMPTED, requeue="{ echo Requested operation is presently disabled for job 7 >&2; exit 1; }")
    signalled(signal.SIGTERM)
    outcome = ganexp(*LONG, "run_dir=run")
    assert "job 7 is not requeued: Requested operation is presently disabled for job 7; start the" in outcome.err
    signalled()
    assert ganexp(*LONG, "run_dir=run").status == 0
    assert images_seen(here / "run") == 256
    finished = last_weights(here / "run")
    assert ganexp(*LONG, "run_dir=run").status == 0
    torch.testing.assert_close(last_weights(here / "run"), finished, rtol=0, atol=0)
    outcome = ganexp(*LONG, "run_dir=run", "loss=hinge")
    assert outcome.status == 2
    assert "holds a run with other settings (loss._target_: " in outcome.complaint


def test_a_signal_before_training_begins_puts_the_job_back_too(ganexp, here, job, monkeypatch):
    from ganexp.training import fit

    called = job(PREEMPTED)
    monkeypatch.setattr(fit, "train", lambda *_: os.kill(os.getpid(), signal.SIGTERM))
    before = signal.getsignal(signal.SIGTERM)
    outcome = ganexp(*LONG, "run_dir=run")
    assert (outcome.status, outcome.complaint) == (143, "SIGTERM: stopped before there was anything to save")
    assert called.read_text().splitlines()[-1] == "requeue 7"
    assert signal.getsignal(signal.SIGTERM) is before
    assert not (here / "run").exists()
    monkeypatch.undo()


@pytest.mark.slow
def test_a_run_that_was_killed_before_its_first_checkpoint_begins_anew(ganexp, here, job):
    job(PREEMPTED)
    assert ganexp(*LONG, "run_dir=run").status == 0
    finished = last_weights(here / "run")
    (here / "run" / "checkpoints" / "last.ckpt").unlink()
    assert ganexp(*LONG, "run_dir=run").status == 0
    torch.testing.assert_close(last_weights(here / "run"), finished, rtol=0, atol=0)
    assert [row["images"] for row in rows(here / "run")] == ["64", "128", "192", "256"]
