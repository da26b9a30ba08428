"""Overrides of tiny runs, and what they write, shared by tests."""

import csv
import time

import torch

NETWORKS = ["model.generator.width=8", "model.discriminator.width=8"]
UNSCORED = ["data.batch_size=64", "trainer=cpu", "metric=none"]
TINY = [*NETWORKS, *UNSCORED, "images=256"]


def rows(folder):
    """Return the rows of metrics.csv without the times, which are never the same."""
    with (folder / "metrics.csv").open(newline="") as file:
        return [
            {name: value for name, value in row.items() if not name.startswith("time/")} for row in csv.DictReader(file)
        ]


def last_checkpoint(run):
    """Return the contents of a run's last checkpoint."""
    return torch.load(run / "checkpoints" / "last.ckpt", weights_only=True)


def last_weights(run):
    """Return the weights in a run's last checkpoint."""
    return last_checkpoint(run)["state_dict"]


def images_seen(run):
    """Return the number of images that a run has seen at its last checkpoint."""
    return last_checkpoint(run)["ganexp"]["images_seen"]


def wait_for(path, process):
    """Wait until the run of a process has written a file."""
    deadline = time.monotonic() + 120
    while not path.exists():
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.05)
