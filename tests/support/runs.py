"""Overrides of tiny runs, and the curves that they write, shared by tests."""

import csv

NETWORKS = ["model.generator.width=8", "model.discriminator.width=8"]
UNSCORED = ["data.batch_size=64", "trainer=cpu", "metric=none"]
TINY = [*NETWORKS, *UNSCORED, "images=256"]


def rows(folder):
    """Return the rows of metrics.csv without the times, which are never the same."""
    with (folder / "metrics.csv").open(newline="") as file:
        return [
            {name: value for name, value in row.items() if not name.startswith("time/")} for row in csv.DictReader(file)
        ]
