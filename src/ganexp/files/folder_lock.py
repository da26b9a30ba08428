"""Lock of a folder that one process at a time may write to, and the description of its holder."""

import json
import os
import platform
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

from filelock import BaseFileLock, FileLock, Timeout

from ganexp.files.untrusted import read_json

LOCK = ".lock"
HOLDER = ".lock.json"
"""Not the content of the lock file itself, which another process may truncate when it tries to lock."""
FILES = frozenset({LOCK, HOLDER})


@contextmanager
def locked(folder: Path, patience: float = 0) -> Iterator[bool]:
    """Yield whether this process holds the lock of an existing folder, waiting up to ``patience`` seconds for it.

    The system releases the lock when its holder dies. A thread that holds it may lock again. Raises OSError if the
    folder cannot be written to.
    """
    lock = lock_of(folder)
    outermost = not lock.is_locked
    try:
        lock.acquire(timeout=patience)
    except Timeout:
        yield False
        return
    try:
        if outermost:
            write_holder(folder)
        yield True
    finally:
        if outermost:
            (folder / HOLDER).unlink(missing_ok=True)
        lock.release()


def is_held(folder: Path) -> bool:
    """Return whether this thread holds the folder's lock."""
    return lock_of(folder).is_locked


def lock_of(folder: Path) -> BaseFileLock:
    """Return the lock of a folder: one object for all locks of it in this process, so that nested ones only count."""
    return FileLock(folder.resolve() / LOCK, is_singleton=True)


def write_holder(folder: Path) -> None:
    """Record this process as the holder of the folder's lock."""
    facts = {"host": platform.node(), "pid": os.getpid(), "since": datetime.now(UTC).isoformat(timespec="seconds")}
    path = folder / HOLDER
    # What an earlier holder that was killed has left may be a link.
    path.unlink(missing_ok=True)
    # The lock holds on a full disk too.
    with suppress(OSError), path.open("x", encoding="utf-8") as file:
        file.write(json.dumps(facts) + "\n")


def holder(folder: Path) -> str:
    """Return a description of the process that holds the folder's lock, for a message."""
    try:
        facts = read_json(folder / HOLDER)
        return f"process {int(facts['pid'])} on {facts['host']} since {facts['since']}"
    except (OSError, ValueError, KeyError, TypeError):
        return "another process"
