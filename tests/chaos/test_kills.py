"""Every model, killed at random moments and while it writes, ends where a run that is left alone ends."""

import random
import shutil
import time

import pytest

from config.test_configs import GROUPS, IMAGE_SIZE, TINY
from ganexp.cli import main
from ganexp.config import composition
from ganexp.config.types import flatten
from support.kills import kill, kill_while_writing, require_same_run, require_whole, started, wait_for_save

pytestmark = pytest.mark.chaos

AT_RANDOM, WRITING = 3, 2
BATCH, BATCHES = 4, 48
SAVES = [
    f"callbacks.checkpoints.every={2 * BATCH}",
    "callbacks.checkpoints.keep=2",
    f"callbacks.curves.every={3 * BATCH}",
    f"callbacks.samples.every={16 * BATCH}",
]
MOSAICS = {"paired": "mosaic", "unpaired": "mosaic_unpaired"}


def overrides(model):
    """Return the command line of a tiny run of a model, on digits."""
    config = composition.compose_or_empty([f"model={model}"], [])
    keys = dict(flatten(config))
    inputs = config["requires"]["inputs"]
    translating = [f"data={MOSAICS[inputs]}", "data/source=digits", "data.test_images=8"] if inputs else ["data=digits"]
    if config["requires"]["landmarks"]:
        translating = ["data=puppets", "data.source.people=8", "data.source.test_people=2"]
    small = [f"{key}={value}".replace(" ", "") for key, value in TINY.items() if key in keys]
    size = [f"data.image_size={IMAGE_SIZE.get(model, 8)}", f"data.batch_size={BATCH}", f"images={BATCH * BATCHES}"]
    return [f"model={model}", *translating, *size, *small, *SAVES, "trainer=cpu", "metric=none"]


class KilledRun:
    """A run that is killed and started again, from its last checkpoint or, before the first one, from the start."""

    def __init__(self, arguments, folder):
        self.arguments = arguments
        self.folder = folder
        self.checkpoints = folder / "checkpoints"

    def start(self):
        if (self.checkpoints / "last.ckpt").exists():
            return started(f"resume={self.folder}")
        shutil.rmtree(self.folder, ignore_errors=True)
        return started(*self.arguments, f"run_dir={self.folder}")

    def kill_after(self, seconds):
        """Kill the run some time after its start; return how many images its last checkpoint has seen."""
        process = self.start()
        time.sleep(seconds)
        kill(process, self.checkpoints)
        return require_whole(self.checkpoints)

    def kill_while_writing(self):
        """Kill the run while it writes a checkpoint, after as many attempts as this takes."""
        for _ in range(5):
            process = self.start()
            wait_for_save(process, self.checkpoints)
            hit = kill_while_writing(process, self.checkpoints)
            require_whole(self.checkpoints)
            if hit:
                return
        pytest.fail("no kill came while a checkpoint was written")

    def end(self):
        process = self.start()
        process.join()
        assert process.exitcode == 0


def seconds_to_first_save(arguments, folder):
    """Return how long a run takes from its start to its first checkpoint."""
    began = time.monotonic()
    process = started(*arguments, f"run_dir={folder}")
    wait_for_save(process, folder / "checkpoints")
    elapsed = time.monotonic() - began
    kill(process, folder / "checkpoints")
    return elapsed


@pytest.mark.timeout(1200)
@pytest.mark.parametrize("model", GROUPS["model"])
def test_kills_change_nothing(model, tmp_path):
    arguments = overrides(model)
    assert main.main([*arguments, f"run_dir={tmp_path / 'whole'}"]) == 0
    startup = seconds_to_first_save(arguments, tmp_path / "timed")
    rng = random.Random(model)
    run = KilledRun(arguments, tmp_path / "killed")
    writing = rng.sample(range(AT_RANDOM + WRITING), WRITING)
    for number in range(AT_RANDOM + WRITING):
        if number in writing:
            run.kill_while_writing()
        else:
            assert run.kill_after(rng.uniform(0, 1.2) * startup) < BATCH * BATCHES
    run.end()
    require_same_run(tmp_path / "whole", tmp_path / "killed")
