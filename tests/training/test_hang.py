"""A rank hangs if it makes no progress while others wait for it; nothing else is a hang."""

import os
import subprocess
import sys
import time

import pytest

from ganexp.distributed.heartbeat import Heartbeat, steps_in
from ganexp.records import summary
from ganexp.training.hang import HangDetector
from support.runs import NETWORKS, UNSCORED


def looks(detector, steps, seconds):
    """What the detector says at the end of so many seconds in which nothing happens."""
    hung = []
    for now in seconds:
        hung = detector.hung(steps, float(now))
    return hung


def test_a_rank_that_others_wait_for_hangs_after_the_timeout_and_not_before():
    detector = HangDetector(10)
    assert looks(detector, {0: 5, 1: 4, 2: 5}, range(11)) == []
    assert looks(detector, {0: 5, 1: 4, 2: 5}, range(11, 12)) == [1]


def test_progress_of_any_rank_begins_the_time_anew():
    detector = HangDetector(10)
    assert looks(detector, {0: 5, 1: 4}, range(10)) == []
    assert looks(detector, {0: 6, 1: 4}, range(10, 20)) == []
    assert looks(detector, {0: 6, 1: 4}, range(20, 22)) == [1]


def test_ranks_that_are_all_as_far_do_not_hang():
    assert looks(HangDetector(10), {0: 5, 1: 5}, range(100)) == []


def test_without_a_timeout_nothing_hangs():
    assert looks(HangDetector(None), {0: 5, 1: 4}, range(100)) == []


def test_time_in_which_the_watching_process_was_suspended_does_not_count():
    assert looks(HangDetector(10), {0: 5, 1: 4}, [0, 1, 10_000, 10_001]) == []


def test_another_process_reads_the_steps(tmp_path):
    heartbeat = Heartbeat()
    heartbeat.beat()
    assert steps_in(tmp_path / "beat") == 0
    heartbeat.record_in(tmp_path / "beat")
    assert steps_in(tmp_path / "beat") == 0
    for _ in range(300):
        heartbeat.beat()
    assert steps_in(tmp_path / "beat") == 300


@pytest.mark.parametrize("seconds", ["0", "-1", "soon"])
def test_a_timeout_that_is_no_time_is_refused(ganexp, seconds):
    assert "rank_timeout" in ganexp(f"rank_timeout={seconds}").complaint


HANGING = """
import time
import lightning as L

class Hangs(L.Callback):
    def on_train_batch_start(self, trainer, module, *_):
        if trainer.global_rank == 1 and module.batches_seen == 3:
            time.sleep(600)
"""


@pytest.mark.slow
def test_a_rank_that_hangs_ends_the_run_and_is_named(tmp_path):
    (tmp_path / "hanging.py").write_text(HANGING)
    options = [option for option in UNSCORED if option != "trainer=cpu"]
    command = [sys.executable, "-m", "ganexp", *NETWORKS, *options, "trainer=ddp_cpu", "images=640", "run_dir=run"]
    more = ["+callbacks.hangs._target_=hanging.Hangs", "rank_timeout=5", "callbacks.checkpoints.every=64"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    began = time.monotonic()
    ended = subprocess.run(
        [*command, *more], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=500, check=False
    )
    assert ended.returncode == 1
    assert time.monotonic() - began < 500
    reason = ended.stderr.splitlines()[-1].removeprefix("ganexp: ")
    assert reason.startswith("rank 1 hangs: the others have waited for 5 s (rank_timeout=5)")
    assert "Traceback" not in ended.stderr
    facts = summary.read(tmp_path / "run")
    assert (facts["status"], facts["reason"]) == ("crashed", reason)
