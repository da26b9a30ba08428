"""A folder of files that can be made again, bounded in bytes and shared by processes."""

import hashlib
import os
from collections.abc import Callable
from pathlib import Path

from filelock import FileLock


class BoundedFolder:
    """Files of a folder, at most ``limit`` bytes besides the newest one; those used longest ago are removed.

    Each is made once, whichever processes of this machine ask for it. A file that is removed while it is open stays
    readable on POSIX systems.
    """

    def __init__(self, folder: Path, limit: int) -> None:
        self.folder = folder
        self.limit = limit

    def file(self, key: str, make: Callable[[Path], None]) -> Path:
        """Return the file with this key, which ``make`` writes to the path that it is given if there is none."""
        name = hashlib.blake2b(key.encode(), digest_size=DIGEST_SIZE).hexdigest()
        path = self.folder / name
        if self._used(path):
            return path
        self.folder.mkdir(parents=True, exist_ok=True)
        # 256 locks, as a lock for every file would leave as many files behind.
        with FileLock(self.folder / f"{name[:2]}{LOCK}"):
            if self._used(path):
                return path
            unfinished = path.with_suffix(UNFINISHED)
            make(unfinished)
            unfinished.replace(path)
        self._shrink(path)
        return path

    def _used(self, path: Path) -> bool:
        try:
            os.utime(path)
        except FileNotFoundError:
            return False
        return True

    def _shrink(self, newest: Path) -> None:
        with FileLock(self.folder / f"folder{LOCK}"):
            files = [(path.stat(), path) for path in self.folder.iterdir() if not path.suffix and path != newest]
            excess = sum(state.st_size for state, _ in files) - self.limit
            for state, path in sorted(files, key=lambda file: file[0].st_mtime_ns):
                if excess <= 0:
                    return
                path.unlink(missing_ok=True)
                excess -= state.st_size


DIGEST_SIZE = 16
LOCK, UNFINISHED = ".lock", ".unfinished"
