"""A folder of files that can be made again, bounded in bytes and shared by processes."""

import hashlib
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

from filelock import FileLock, Timeout

Content = TypeVar("Content")


class BoundedFolder:
    """Files of a folder that take at most ``limit`` bytes, or are a single larger one; those used longest ago give way.

    Each is made once, whichever threads and processes of this machine ask for it; those that are being made are not
    counted. On POSIX systems, what has been opened or mapped stays readable when it has given way.
    """

    def __init__(self, folder: Path, limit: int) -> None:
        self.folder = folder
        self.limit = limit

    def read(self, key: str, make: Callable[[Path], None], read: Callable[[Path], Content]) -> Content:
        """Return what ``read`` returns of the file with this key, which ``make`` writes to a path if there is none."""
        name = hashlib.blake2b(key.encode(), digest_size=DIGEST_SIZE).hexdigest()
        path = self.folder / name
        with suppress(FileNotFoundError):
            return _used(path, read)
        self.folder.mkdir(parents=True, exist_ok=True)
        with self._lock_of(path):
            with suppress(FileNotFoundError):
                return _used(path, read)
            unfinished = path.with_suffix(UNFINISHED)
            make(unfinished)
            with FileLock(self.folder / f"folder{LOCK}"):
                self._make_room(unfinished.stat().st_size)
                unfinished.replace(path)
                # Not later, when another process may have removed it.
                return read(path)

    def _lock_of(self, path: Path) -> FileLock:
        # 256 locks, as a lock for every file would leave as many files behind.
        return FileLock(self.folder / f"{path.name[:2]}{LOCK}")

    def _make_room(self, size: int) -> None:
        self._remove_abandoned()
        files = [(path.stat(), path) for path in self.folder.iterdir() if not path.suffix]
        excess = sum(state.st_size for state, _ in files) + size - self.limit
        for state, path in sorted(files, key=lambda file: file[0].st_mtime_ns):
            if excess <= 0:
                return
            path.unlink()
            excess -= state.st_size

    def _remove_abandoned(self) -> None:
        """Remove what processes that were killed have left unfinished: nobody holds its lock."""
        for path in self.folder.glob(f"*{UNFINISHED}"):
            with suppress(Timeout), self._lock_of(path).acquire(blocking=False):
                path.unlink(missing_ok=True)


def _used(path: Path, read: Callable[[Path], Content]) -> Content:
    """Return what ``read`` returns of a file, and record its use; raises FileNotFoundError if there is none."""
    content = read(path)
    with suppress(FileNotFoundError):
        os.utime(path)
    return content


DIGEST_SIZE = 16
LOCK, UNFINISHED = ".lock", ".unfinished"
