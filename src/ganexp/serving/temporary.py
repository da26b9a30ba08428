"""Temporary folder of a process, removed however the process ends."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

LOCK = ".lock"


@contextmanager
def temporary_folder(prefix: str) -> Iterator[Path]:
    """Make a folder for this process alone, and remove it at the end of the block.

    Folders of the same prefix whose process was killed are removed first. The system releases the lock beside a folder
    when its process ends; the lock is made before the folder, so there is no folder of a living process without it.
    """
    remove_stale(prefix)
    descriptor, name = tempfile.mkstemp(prefix=prefix, suffix=LOCK)
    os.close(descriptor)
    lock, folder = Path(name), Path(name.removesuffix(LOCK))
    with FileLock(lock):
        try:
            folder.mkdir(mode=0o700)
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)
            lock.unlink(missing_ok=True)


def remove_stale(prefix: str) -> None:
    """Remove the folders of a prefix that no living process has locked, if they are this user's."""
    for lock in Path(tempfile.gettempdir()).glob(f"{prefix}*{LOCK}"):
        folder = lock.with_name(lock.name.removesuffix(LOCK))
        with suppress(OSError, Timeout):
            if is_own_folder(folder):
                with FileLock(lock, timeout=0):
                    shutil.rmtree(folder)
                lock.unlink(missing_ok=True)


def is_own_folder(path: Path) -> bool:
    """Return whether a path is a folder of this user, and no link to one."""
    owned = not hasattr(os, "geteuid") or path.stat().st_uid == os.geteuid()
    return owned and path.is_dir() and not path.is_symlink()
