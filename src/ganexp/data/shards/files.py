"""Reading of parts of large files."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

MOST_OPEN = 256
"""Files that stay open; with more of them, a file is opened for each read."""


class ShardFiles:
    """Files of which any part can be read, by several threads and by processes forked from this one."""

    # Not mapped into memory: a page fault reads a page at a time, and a file that was cut short ends the process.

    def __init__(self, paths: Sequence[Path]) -> None:
        self.paths = list(paths)
        self._open: dict[int, Any] = {}

    def __getstate__(self) -> dict[str, Any]:
        return {"paths": self.paths, "_open": {}}

    def read_into(self, number: int, buffer: Any, offset: int) -> None:
        """Fill a buffer from the file of that number; raises ValueError if the file ends before."""
        wanted = memoryview(buffer).nbytes
        if os.preadv(self._file(number).fileno(), [buffer], offset) < wanted:
            raise ValueError(f"{self.paths[number]} ends early")

    def _file(self, number: int) -> Any:
        file = self._open.get(number)
        if file is None:
            file = self.paths[number].open("rb", buffering=0)
            if hasattr(os, "posix_fadvise"):
                # The system would read far more than one image.
                os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_RANDOM)
            if len(self.paths) <= MOST_OPEN:
                self._open[number] = file
        return file
