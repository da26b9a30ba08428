"""A disk that is full: one line, status 1, and what was whole stays whole."""

import errno
import os
from pathlib import Path

import pytest

from ganexp.game.module import AdversarialModule
from ganexp.records import summary
from support.runs import TINY


def test_a_checkpoint_that_cannot_be_written_leaves_the_old_one_whole(ganexp, run, file_size_limit):
    checkpoint = run / "checkpoints" / "last.ckpt"
    before = checkpoint.read_bytes()
    file_size_limit(len(before) // 2)
    outcome = ganexp(f"resume={run}", "images=512")
    assert outcome.status == 1
    assert f"cannot write {checkpoint}: File too large" in outcome.complaint
    assert checkpoint.read_bytes() == before
    assert [path.name for path in checkpoint.parent.iterdir()] == ["last.ckpt"]


@pytest.mark.slow
def test_a_resumed_run_finishes_once_there_is_room(ganexp, run, file_size_limit):
    size = (run / "checkpoints" / "last.ckpt").stat().st_size
    file_size_limit(size // 2)
    assert ganexp(f"resume={run}", "images=384").status == 1
    file_size_limit(100 * size)
    assert ganexp(f"resume={run}", "images=384").status == 0


class FullDisk:
    """A file system on which no file can be made or made longer, as of a moment of training."""

    def __init__(self):
        self.is_full = False
        self.open = Path.open

    def __call__(self, path, mode="r", *rest, **options):
        if self.is_full and mode[0] in "wax":
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return self.open(path, mode, *rest, **options)


def test_a_full_disk_names_the_file_and_the_summary_says_how_the_run_ended(ganexp, here, monkeypatch):
    disk, step = FullDisk(), AdversarialModule.training_step

    def fill(self, batch, number):
        step(self, batch, number)
        disk.is_full = self.batches_seen == 2

    with monkeypatch.context() as patched:
        patched.setattr(Path, "open", lambda path, *options, **named: disk(path, *options, **named))
        patched.setattr(AdversarialModule, "training_step", fill)
        outcome = ganexp(*TINY, "run_dir=run", "callbacks.curves.every=64")
    assert outcome.status == 1
    file = here / "run" / "metrics.csv"
    assert outcome.complaint == f"cannot write {file}: No space left on device; files written earlier are intact"
    facts = summary.read(here / "run")
    assert facts["status"] == "crashed"
    assert "No space left on device" in facts["reason"]
    assert str(file) in facts["reason"]
    assert ganexp("resume=run").status == 0


def test_a_summary_that_does_not_fit_its_blocks_is_left_as_it_was(tmp_path, monkeypatch):
    summary.update(tmp_path, status="running")
    disk = FullDisk()
    disk.is_full = True
    monkeypatch.setattr(Path, "open", lambda path, *options, **named: disk(path, *options, **named))
    with pytest.raises(OSError, match="No space left") as raised:
        summary.update(tmp_path, reason="x" * 100_000)
    assert raised.value.filename == str(tmp_path / summary.FILE)
    assert summary.read(tmp_path) == {"status": "running"}
    summary.update(tmp_path, reason="short")
    assert summary.read(tmp_path) == {"status": "running", "reason": "short"}


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS, errno.EDQUOT])
@pytest.mark.thinned(2)
def test_every_other_file_that_cannot_be_written_is_one_line(ganexp, monkeypatch, number):
    from ganexp.loggers.metrics_csv import MetricsCSV

    def full(*_, **__):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(MetricsCSV, "log_metrics", full)
    outcome = ganexp(*TINY)
    assert outcome.status == 1
    assert os.strerror(number) in outcome.complaint
    assert "files written earlier are intact" in outcome.complaint
