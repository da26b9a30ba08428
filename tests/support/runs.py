"""Overrides of tiny runs, and what they write, shared by tests."""

import csv
import time

NETWORKS = ["model.generator.width=8", "model.discriminator.width=8"]
UNSCORED = ["data.batch_size=64", "trainer=cpu", "metric=none"]
TINY = [*NETWORKS, *UNSCORED, "images=256"]


def rows(folder):
    """Return the rows of metrics.csv without the times, which are never the same."""
    with (folder / "metrics.csv").open(newline="") as file:
        return [
            {name: value for name, value in row.items() if not name.startswith("time/")} for row in csv.DictReader(file)
        ]


def wait_for(path, process):
    """Wait until the run of a process has written a file."""
    deadline = time.monotonic() + 120
    while not path.exists():
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.05)
