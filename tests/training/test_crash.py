"""A training process that is killed again and again, while it writes too, ends where one left alone ends."""

import random
import time

import pytest

from ganexp.cli import main
from support.kills import kill, kill_while_writing, require_same_run, require_whole, started, wait_for_save

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


@pytest.mark.slow
def test_twenty_kills_change_nothing(tmp_path):
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    assert main.main([*GAME, f"run_dir={whole}"]) == 0
    rng = random.Random(0)
    checkpoints = killed / "checkpoints"
    while_writing, seen = 0, 0
    process = started(*GAME, f"run_dir={killed}")
    for number in range(KILLS):
        for _ in range(rng.randint(1, 3)):
            wait_for_save(process, checkpoints)
        if number % 5 < 2:
            while_writing += kill_while_writing(process, checkpoints)
        else:
            time.sleep(rng.random() * 0.02)
            while_writing += kill(process, checkpoints)
        before, seen = seen, require_whole(checkpoints)
        assert before < seen < LONG
        process = started(f"resume={killed}")
    process.join()
    assert process.exitcode == 0
    assert while_writing >= 4
    require_same_run(whole, killed)
