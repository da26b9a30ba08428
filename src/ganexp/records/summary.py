"""Run summary (summary.json): provenance, status and cost of a run."""

import errno
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ganexp.files.atomic import replacing
from ganexp.files.untrusted import read_json

FILE = "summary.json"
FULL_DISK = (errno.ENOSPC, errno.EDQUOT)
CLASSES = "classes"
"""Key of the names of the classes, by class number."""
VALUE_RANGES = "value_ranges"
"""Key of measured ranges of values, [low, high] by "image" and, of translations, "input"."""
BLOCK_BYTES = 512
"""The unit of ``st_blocks``."""

RUNNING, FINISHED, STOPPED, CRASHED = "running", "finished", "stopped", "crashed"
REFUSED, PRUNED = "refused", "pruned"
"""Runs of a sweep only: not started, as the configuration cannot work; stopped early by the search's pruner."""


def read(folder: Path) -> dict[str, Any]:
    """Return the summary of the run in ``folder``, empty if there is none or it cannot be read."""
    try:
        facts = read_json(folder / FILE)
    except (OSError, ValueError):
        return {}
    return facts if isinstance(facts, dict) else {}


def update(folder: Path, **facts: object) -> None:
    """Add facts, replacing older ones of the same names; the file is written atomically, unless the disk is full.

    Raises OSError naming the file if it cannot be written.
    """
    path, text = folder / FILE, json.dumps(read(folder) | facts, indent=2) + "\n"
    try:
        with replacing(path) as file:
            file.write(text)
    except OSError as error:
        if error.errno not in FULL_DISK or not overwrite(path, text):
            raise


def present_time() -> str:
    """Return the current time in UTC as text."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def overwrite(path: Path, text: str) -> bool:
    """Overwrite a file if the text fits into the blocks that it already has on the disk; return whether it does."""
    content = text.encode()
    if not path.exists() or len(content) > path.stat().st_blocks * BLOCK_BYTES:
        return False
    with path.open("r+b", buffering=0) as file:
        is_whole = file.write(content) == len(content)
        file.truncate()
    return is_whole
