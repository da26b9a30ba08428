"""A training process that is killed again and again, while it writes too, ends where one left alone ends."""

import multiprocessing
import os
import random
import signal
import time

import pytest
import torch

from ganexp import cli
from ganexp.commands.differences import differences
from runs import rows
from two_ranks import start_method

KILLS, LONG = 20, 4_800
GAME = [
    "model=gan",
    "model.generator.widths=[8]",
    "model.discriminator.widths=[8]",
    "data.batch_size=8",
    "trainer=cpu",
    "metric=none",
    f"images={LONG}",
    "callbacks.checkpoints.every=32",
    "callbacks.checkpoints.keep=2",
    "callbacks.curves.every=80",
    "callbacks.samples.every=800",
]


def end_as_the_command(arguments):
    os._exit(cli.main(list(arguments)))


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


def kill(process, folder, rng, aimed):
    """Kill the process some saves from now, in the middle of one if ``aimed``; return whether it was."""
    last, unfinished = folder / "last.ckpt", folder / "last.tmp"
    for _ in range(rng.randint(1, 3)):
        before = identity(last)
        assert wait_until(lambda before=before: identity(last) != before, process)
    if aimed:
        assert wait_until(unfinished.exists, process)
    else:
        time.sleep(rng.random() * 0.02)
    os.kill(process.pid, signal.SIGKILL)
    process.join()
    return unfinished.exists()


@pytest.mark.slow
def test_twenty_kills_change_nothing(tmp_path):
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    assert cli.main([*GAME, f"run_dir={whole}"]) == 0
    rng = random.Random(0)
    checkpoints = killed / "checkpoints"
    while_writing, seen = 0, 0
    process = started(*GAME, f"run_dir={killed}")
    for number in range(KILLS):
        while_writing += kill(process, checkpoints, rng, aimed=number % 5 < 2)
        for path in checkpoints.glob("*.ckpt"):
            held = torch.load(path, weights_only=True)["ganexp"]["images_seen"]
            assert path.name in ("last.ckpt", f"{held:08d}.ckpt")
        before, seen = seen, torch.load(checkpoints / "last.ckpt", weights_only=True)["ganexp"]["images_seen"]
        assert before < seen < LONG
        process = started(f"resume={killed}")
    process.join()
    assert process.exitcode == 0
    assert while_writing >= 4
    one, other = (torch.load(folder / "checkpoints" / "last.ckpt", weights_only=True) for folder in (whole, killed))
    assert differences(one, other) == []
    assert rows(whole) == rows(killed)
    assert {path.relative_to(whole) for path in whole.rglob("*")} == {
        path.relative_to(killed) for path in killed.rglob("*")
    }
    for path in (whole / "samples").iterdir():
        assert path.read_bytes() == (killed / "samples" / path.name).read_bytes()
