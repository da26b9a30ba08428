"""A disk that is full: one line, status 1, and what was whole stays whole."""

import errno
import os
import resource
import signal

import pytest

from support.runs import TINY


@pytest.fixture
def file_size_limit():
    """Lets no file grow beyond a number of bytes, which fails like a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    yield lambda size: resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    resource.setrlimit(resource.RLIMIT_FSIZE, before)
    signal.signal(signal.SIGXFSZ, handler)


def test_a_checkpoint_that_cannot_be_written_leaves_the_old_one_whole(ganexp, run, file_size_limit):
    checkpoint = run / "checkpoints" / "last.ckpt"
    before = checkpoint.read_bytes()
    file_size_limit(len(before) // 2)
    outcome = ganexp(f"resume={run}", "images=512")
    assert outcome.status == 1
    assert f"cannot write {checkpoint}: File too large" in outcome.complaint
    assert checkpoint.read_bytes() == before
    assert [path.name for path in checkpoint.parent.iterdir()] == ["last.ckpt"]


def test_a_resumed_run_finishes_once_there_is_room(ganexp, run, file_size_limit):
    size = (run / "checkpoints" / "last.ckpt").stat().st_size
    file_size_limit(size // 2)
    assert ganexp(f"resume={run}", "images=384").status == 1
    file_size_limit(100 * size)
    assert ganexp(f"resume={run}", "images=384").status == 0


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS, errno.EDQUOT])
def test_every_other_file_that_cannot_be_written_is_one_line(ganexp, monkeypatch, number):
    from ganexp.loggers.metrics_csv import MetricsCSV

    def full(*_, **__):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(MetricsCSV, "log_metrics", full)
    outcome = ganexp(*TINY)
    assert outcome.status == 1
    assert os.strerror(number) in outcome.complaint
    assert "files written earlier are intact" in outcome.complaint
