"""A lock that another process holds, for tests of what it keeps out."""

import fcntl
import json
from contextlib import contextmanager

from ganexp.files import folder_lock


@contextmanager
def held_elsewhere(folder):
    """Hold a folder's lock as another process does, on a machine of its own."""
    # A lock of flock belongs to the open file, so that it keeps out this process too.
    with (folder / folder_lock.LOCK).open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        (folder / folder_lock.HOLDER).write_text(json.dumps({"host": "node7", "pid": 4321, "since": "2026-01-01"}))
        yield
