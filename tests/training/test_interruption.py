"""Ctrl-C and SIGTERM while training: everything is saved, and the run goes on from there."""

import fcntl
import os
import signal
import subprocess
import sys
import termios

import pytest
import torch

from ganexp.callbacks.interruption import GracefulStop
from ganexp.game.module import AdversarialModule
from ganexp.records import summary
from support.runs import TINY, images_seen, wait_for


@pytest.mark.parametrize(
    ("number", "status"), [pytest.param(signal.SIGINT, 130, marks=pytest.mark.slow), (signal.SIGTERM, 143)]
)
def test_a_signal_between_two_turns_lets_the_batch_end_and_the_run_goes_on_exactly(
    ganexp, here, monkeypatch, number, status
):
    def signalled(self, player, optimizer, batch):
        turn(self, player, optimizer, batch)
        if player.name == "discriminator" and self.batches_seen == 2:
            os.kill(os.getpid(), number)

    turn = AdversarialModule.turn
    with monkeypatch.context() as patched:
        patched.setattr(AdversarialModule, "turn", signalled)
        outcome = ganexp(*TINY, "run_dir=run", "images=320")
    run = here / "run"
    assert outcome.status == status
    name = signal.Signals(number).name
    assert outcome.complaint == f"{name}: stopped after 192 images; continue with: python -m ganexp resume={run}"
    assert outcome.complaint in (run / "log.txt").read_text()
    assert images_seen(run) == 192
    assert (run / "samples" / "00000192.png").exists()
    assert ganexp("resume=run").status == 0
    assert ganexp(*TINY, "run_dir=whole", "images=320").status == 0
    resumed, whole = (torch.load(folder / "checkpoints" / "last.ckpt") for folder in (run, here / "whole"))
    torch.testing.assert_close(resumed["state_dict"], whole["state_dict"], rtol=0, atol=0)


@pytest.mark.parametrize(("before", "stops"), [(signal.SIG_DFL, True), (signal.SIG_IGN, False)], ids=["", "nohup"])
def test_a_closed_terminal_stops_a_run_unless_it_was_started_by_nohup(before, stops):
    outside = signal.signal(signal.SIGHUP, before)
    try:
        stop = GracefulStop()
        stop.setup(None, None, "fit")
        stop.on_train_start(None, None)
        os.kill(os.getpid(), signal.SIGHUP)
        assert stop.received == (signal.SIGHUP if stops else None)
        stop.teardown(None, None, "fit")
        assert signal.getsignal(signal.SIGHUP) == before
    finally:
        signal.signal(signal.SIGHUP, outside)


@pytest.mark.slow
def test_a_run_saves_when_its_terminal_is_closed(tmp_path):
    run = tmp_path / "run"
    arguments = ["-m", "ganexp", *TINY, f"run_dir={run}", "images=10_000_000", "callbacks.samples.every=1000"]
    ours, theirs = os.openpty()

    def take_terminal():
        # As in a shell, also where these tests were started by nohup.
        signal.signal(signal.SIGHUP, signal.SIG_DFL)
        os.setsid()
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)

    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    with subprocess.Popen(
        [sys.executable, *arguments], stdin=theirs, stdout=theirs, stderr=theirs, env=environment,
        preexec_fn=take_terminal,
    ) as process:  # fmt: skip
        os.close(theirs)
        wait_for(run / "samples" / "00001024.png", process)
        os.close(ours)
        assert process.wait(timeout=120) == 129
    seen = images_seen(run)
    assert f"SIGHUP: stopped after {seen:,} images" in (run / "log.txt").read_text()
    assert summary.read(run)["status"] == "stopped"


@pytest.mark.slow
def test_ctrl_c_in_a_terminal_ends_the_process_as_shells_expect(tmp_path):
    run = tmp_path / "run"
    arguments = ["-m", "ganexp", *TINY, f"run_dir={run}", "images=10_000_000", "callbacks.samples.every=1000"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    with subprocess.Popen([sys.executable, *arguments], stderr=subprocess.PIPE, text=True, env=environment) as process:
        wait_for(run / "samples" / "00001024.png", process)
        process.send_signal(signal.SIGINT)
        said = process.communicate(timeout=60)[1]
    assert process.returncode == 130
    assert "Traceback" not in said
    assert said.splitlines()[-1].endswith(f"continue with: python -m ganexp resume={run}")
    assert f"stopped after {images_seen(run):,} images" in said


def test_ctrl_c_before_training_has_nothing_to_save(ganexp, monkeypatch):
    from ganexp.cli.session import Session

    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(Session, "check", interrupted)
    outcome = ganexp(*TINY)
    assert outcome.status == 130
    assert outcome.complaint == "interrupted before anything could be saved"


@pytest.fixture
def ctrl_c():
    """Python's own answer to Ctrl-C, whatever the process that started the tests or another test has set."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def test_a_second_ctrl_c_acts_at_once(ganexp, here, monkeypatch, ctrl_c):
    def twice(self, trainer, module, *_):
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGINT)

    before = signal.getsignal(signal.SIGINT)
    monkeypatch.setattr(GracefulStop, "on_train_batch_end", twice)
    outcome = ganexp(*TINY, "run_dir=run", "images=6400", "callbacks.checkpoints.every=64")
    assert outcome.status == 130
    assert outcome.complaint == "SIGINT: stopped at once, without saving"
    assert images_seen(here / "run") == 64
    assert signal.getsignal(signal.SIGINT) is before
