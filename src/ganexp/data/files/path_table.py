"""Paths of very many files in little memory."""

import os
from collections.abc import Iterable, Iterator
from itertools import islice

import numpy as np

CHUNK = 1 << 14


class PathTable:
    """Paths as one string of bytes and their ends in it.

    Objects of their own, of which a million take 120 MB, would be copied by every worker as it counts references to
    them; a table of equally long entries would be as wide as the longest path.
    """

    def __init__(self, paths: Iterable[str]) -> None:
        text, ends, rest = bytearray(), [np.empty(0, dtype=np.int64)], iter(paths)
        while encoded := [os.fsencode(path) for path in islice(rest, CHUNK)]:
            ends.append(np.cumsum([len(path) for path in encoded], dtype=np.int64) + len(text))
            text += b"".join(encoded)
        self._ends = np.concatenate(ends)
        self._text = np.frombuffer(text, dtype=np.uint8)

    def __len__(self) -> int:
        return len(self._ends)

    def __iter__(self) -> Iterator[str]:
        for first in range(0, len(self), CHUNK):
            ends = self._ends[first : first + CHUNK].tolist()
            start = int(self._ends[first - 1]) if first else 0
            text = self._text[start : ends[-1]].tobytes()
            for begin, end in zip([start, *ends], ends, strict=False):
                yield os.fsdecode(text[begin - start : end - start])

    def __getitem__(self, index: int) -> str:
        """Return one path; negative indices count from the end. Raises IndexError beyond the last."""
        end = int(self._ends[index])
        number = index % len(self)
        return os.fsdecode(self._text[int(self._ends[number - 1]) if number else 0 : end].tobytes())
