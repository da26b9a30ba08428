"""Paths of very many files in little memory."""

import os
from collections.abc import Sequence

import numpy as np

CHUNK = 1 << 14


class PathTable:
    """Paths as one string of bytes and their ends in it.

    Objects of their own, of which a million take 120 MB, would be copied by every worker as it counts references to
    them; a table of equally long entries would be as wide as the longest path.
    """

    def __init__(self, paths: Sequence[str]) -> None:
        text = bytearray()
        self._ends = np.empty(len(paths), dtype=np.int64)
        for first in range(0, len(paths), CHUNK):
            encoded = [os.fsencode(path) for path in paths[first : first + CHUNK]]
            ends = np.cumsum([len(path) for path in encoded])
            self._ends[first : first + CHUNK] = ends + len(text)
            text += b"".join(encoded)
        self._text = np.frombuffer(text, dtype=np.uint8)

    def __len__(self) -> int:
        return len(self._ends)

    def __getitem__(self, index: int) -> str:
        """Return one path; negative indices count from the end. Raises IndexError beyond the last."""
        end = int(self._ends[index])
        number = index % len(self)
        return os.fsdecode(self._text[int(self._ends[number - 1]) if number else 0 : end].tobytes())
