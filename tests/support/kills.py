"""Commands in processes of their own that are killed, and what they leave behind, shared by tests."""

import multiprocessing
import os
import signal
import time

import torch

from ganexp.cli import main
from ganexp.runs.checkpoint_diff import differences
from support.runs import rows
from support.two_ranks import start_method


def end_as_the_command(arguments):
    os._exit(main.main(list(arguments)))


def started(*arguments):
    """A command in a process of its own, which has everything imported already where it is forked."""
    process = multiprocessing.get_context(start_method()).Process(target=end_as_the_command, args=(arguments,))
    process.start()
    return process


def wait_until(true, process):
    """Whether something came true while the process lived."""
    deadline = time.monotonic() + 240
    while not true():
        if not process.is_alive():
            return False
        assert time.monotonic() < deadline
        time.sleep(0.0005)
    return True


def identity(path):
    return path.stat().st_ino if path.exists() else None


def wait_for_save(process, checkpoints):
    """Wait until last.ckpt is another file than now."""
    last = checkpoints / "last.ckpt"
    before = identity(last)
    assert wait_until(lambda: identity(last) != before, process)


def kill(process, checkpoints):
    """Kill the process; return whether it was writing a checkpoint."""
    os.kill(process.pid, signal.SIGKILL)
    process.join()
    assert process.exitcode == -signal.SIGKILL, "the run ended before it could be killed"
    return (checkpoints / "last.tmp").exists()


def kill_while_writing(process, checkpoints):
    """Kill the process at the next moment at which it seems to write a checkpoint; return whether it did."""
    assert wait_until((checkpoints / "last.tmp").exists, process)
    return kill(process, checkpoints)


def require_whole(checkpoints):
    """Fail unless every checkpoint can be loaded and is what its name says; return the images seen by the last."""
    for path in checkpoints.glob("*.ckpt"):
        held = torch.load(path, weights_only=True)["ganexp"]["images_seen"]
        assert path.name in ("last.ckpt", f"{held:08d}.ckpt")
    last = checkpoints / "last.ckpt"
    return torch.load(last, weights_only=True)["ganexp"]["images_seen"] if last.exists() else 0


def require_same_run(whole, other):
    """Fail unless two runs have the same tensors, rows of metrics.csv, files and sample grids."""
    one, two = (torch.load(run / "checkpoints" / "last.ckpt", weights_only=True) for run in (whole, other))
    assert differences(one, two) == []
    assert rows(whole) == rows(other)
    assert {path.relative_to(whole) for path in whole.rglob("*")} == {
        path.relative_to(other) for path in other.rglob("*")
    }
    for path in (whole / "samples").iterdir():
        assert path.read_bytes() == (other / "samples" / path.name).read_bytes()
