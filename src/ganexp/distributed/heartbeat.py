"""Heartbeat of a rank: a count of its steps, which the process that started it reads."""

import mmap
from pathlib import Path

BYTES = 8


class Heartbeat:
    """Count of the steps of this process, in memory shared through a file.

    Ranks that compute the same make the same steps, so that of two counts the lower one is of the rank that is behind.
    """

    def __init__(self) -> None:
        self.steps = 0
        self.shared: mmap.mmap | None = None

    def record_in(self, path: Path) -> None:
        """Count in a new file from now on."""
        path.write_bytes(bytes(BYTES))
        with path.open("r+b") as file:
            self.shared = mmap.mmap(file.fileno(), BYTES)

    def beat(self) -> None:
        """Count a step: a batch begins or ends, or this rank is about to wait for the others; no-op without a file."""
        if self.shared is not None:
            self.steps += 1
            self.shared[:] = self.steps.to_bytes(BYTES)


heartbeat = Heartbeat()
"""That of this process."""


def steps_in(path: Path) -> int:
    """Return the count in the file of another process, 0 if it has not begun."""
    return int.from_bytes(path.read_bytes()) if path.exists() else 0
