"""Every end of training names its reason and the command that continues, and resuming goes on from there."""

import signal
from types import SimpleNamespace

import pytest
from lightning.pytorch.callbacks import EarlyStopping
from lightning.pytorch.callbacks.early_stopping import EarlyStoppingReason
from omegaconf import OmegaConf

from ganexp.callbacks.budget import ImageBudget
from ganexp.callbacks.end import end_of_training
from ganexp.callbacks.interruption import GracefulStop
from ganexp.callbacks.pruning import Pruning
from ganexp.callbacks.summary import Summary
from ganexp.callbacks.time_limit import TimeLimit
from ganexp.errors import Diverged
from ganexp.game.module import AdversarialModule
from ganexp.records import summary
from ganexp.runs.run import Run
from ganexp.sweeps import job
from support.runs import TINY, images_seen


def time_is_over_after(monkeypatch, batches):
    """Make a time limit elapse after so many batches of each part of a run."""

    def check(self, trainer):
        trainer.should_stop = trainer.should_stop or trainer.lightning_module.batches_seen % batches == 0

    monkeypatch.setattr(TimeLimit, "_check_time_remaining", check)


def test_a_run_whose_time_is_over_says_so_and_goes_on_with_the_time_counted_anew(ganexp, here, monkeypatch):
    run = here / "run"
    monkeypatch.setattr(TimeLimit, "on_fit_start", lambda *_: None)
    with monkeypatch.context() as patched:
        time_is_over_after(patched, 2)
        outcome = ganexp(*TINY, "run_dir=run", "trainer.max_time=00:01:00:00")
    assert outcome.status == 0
    reason = "trainer.max_time=00:01:00:00 is over"
    assert f"{reason} after 128 of 256 images; continue with: python -m ganexp resume=run" in outcome.err
    facts = summary.read(run)
    assert (facts["status"], facts["reason"]) == ("stopped", reason)
    assert facts["continue_with"] == f"python -m ganexp resume={run}"
    outcome = ganexp("resume=run")
    assert "images=256 reached; train longer with: python -m ganexp resume=run images=512" in outcome.err
    assert (images_seen(run), summary.read(run)["status"]) == (256, "finished")
    assert summary.read(run)["reason"] == "images=256 reached"


def test_the_command_that_continues_trusts_code_of_ones_own(ganexp, here, monkeypatch):
    (here / "resumable_losses.py").write_text("from ganexp.losses import Hinge\n\n\nclass Smoothed(Hinge):\n    pass\n")
    monkeypatch.syspath_prepend(here)
    trust = "trust=resumable_losses.Smoothed"
    outcome = ganexp(*TINY, "run_dir=run", "loss._target_=resumable_losses.Smoothed")
    assert outcome.err.endswith(f"train longer with: python -m ganexp resume=run images=512 {trust}\n")
    command = summary.read(here / "run")["continue_with"]
    assert command == f"python -m ganexp resume={here / 'run'} images=512 {trust}"
    assert ganexp("resume=run", "images=320", trust).status == 0


def test_a_run_without_a_checkpoint_names_no_command_that_continues_it(ganexp):
    outcome = ganexp(*TINY, "run_dir=run", "callbacks.checkpoints=null")
    assert outcome.err.endswith("images=256 reached; without a checkpoint it cannot be continued\n")
    assert "resume=" not in outcome.err


@pytest.mark.slow
def test_an_epoch_that_was_cut_short_is_completed(ganexp, here, monkeypatch):
    epochs = ["images=100000", "trainer.max_epochs=1", "trainer.max_time=00:01:00:00"]
    monkeypatch.setattr(TimeLimit, "on_fit_start", lambda *_: None)
    with monkeypatch.context() as patched:
        time_is_over_after(patched, 2)
        assert ganexp(*TINY, "run_dir=run", *epochs).status == 0
    outcome = ganexp("resume=run")
    assert images_seen(here / "run") == 1792
    assert "trainer.max_epochs=1 reached; train longer with:" in outcome.err


def test_time_that_earlier_versions_saved_does_not_count():
    limit = TimeLimit("00:00:00:05")
    assert limit.state_key == "Timer"
    assert limit.state_dict() == {}
    limit.load_state_dict({"time_elapsed": {"train": 1e9}})
    assert limit.time_remaining() == 5


def test_a_diverged_run_names_the_command_that_continues_from_its_last_checkpoint(ganexp, here, monkeypatch):
    def diverging(self, player, optimizer, batch):
        if self.batches_seen == 2:
            raise Diverged("the loss is infinite")
        turn(self, player, optimizer, batch)

    turn = AdversarialModule.turn
    monkeypatch.setattr(AdversarialModule, "turn", diverging)
    outcome = ganexp(*TINY, "run_dir=run", "callbacks.checkpoints.every=64")
    command = f"python -m ganexp resume={here / 'run'}"
    assert outcome.complaint.startswith("the loss is infinite")
    assert f"continue from the last checkpoint with: {command}\n" in outcome.err
    facts = summary.read(here / "run")
    assert (facts["status"], facts["continue_with"]) == ("crashed", command)
    assert facts["reason"].startswith("the loss is infinite")
    refused = ganexp("resume=run", "seed=7")
    assert "continue from" not in refused.err


def test_only_a_run_with_a_checkpoint_names_a_command(ganexp, here):
    assert Summary(str(here / "run with space"))._command(()) is None
    checkpoints = here / "run with space" / "checkpoints"
    checkpoints.mkdir(parents=True)
    (checkpoints / "last.ckpt").touch()
    command = Summary("run with space")._command(("images=2",))
    assert command == f"python -m ganexp 'resume={here}/run with space' images=2"


def test_the_first_callback_that_ended_training_gives_the_reason():
    budget, limit, stop, pruning, early = (
        ImageBudget(64),
        TimeLimit({"hours": 1}),
        GracefulStop(),
        Pruning(None),
        EarlyStopping("fid"),
    )
    callbacks = [budget, pruning, stop, limit, early]

    def reason():
        return end_of_training(SimpleNamespace(fast_dev_run=False, max_epochs=-1, callbacks=callbacks)).reason

    assert reason() == "a callback ended training"
    early.stopping_reason = EarlyStoppingReason.PATIENCE_EXHAUSTED
    assert reason() == "early stopping: fid"
    limit.is_over = True
    assert reason() == "trainer.max_time={'hours': 1} is over"
    stop.received = signal.SIGTERM
    assert reason() == "stopped by SIGTERM"
    pruning.reason = "behind other trials"
    assert reason() == "pruned: behind other trials"
    budget.is_spent = True
    assert reason() == "images=64 reached"


@pytest.mark.parametrize(
    ("status", "reason", "kept"),
    [("stopped", "trainer.max_time=1 is over", "trainer.max_time=1 is over"), ("finished", "images=256 reached", None)],
)
def test_a_run_of_a_sweep_keeps_the_reason_if_a_limit_ended_it_before_its_budget(tmp_path, status, reason, kept):
    def start(run, overrides):
        summary.update(run.folder, status=status, reason=reason)

    outcome = job.train(Run(tmp_path, OmegaConf.create(), {}), [], lambda config: None, start)
    assert (outcome.status, outcome.reason) == ("finished", kept)
