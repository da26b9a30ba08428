"""summary.json: how a run was started, how it stands and what it cost."""

import json
from pathlib import Path
from typing import Any

FILE = "summary.json"

RUNNING, FINISHED, STOPPED, CRASHED = "running", "finished", "stopped", "crashed"
REFUSED, PRUNED = "refused", "pruned"
"""Of the runs of a sweep: not begun, as it cannot work; stopped, as it fell behind the others."""


def read(folder: Path) -> dict[str, Any]:
    """Return what is known of the run in ``folder``; nothing where there is no summary or it cannot be read."""
    try:
        known = json.loads((folder / FILE).read_text())
    except (OSError, ValueError):
        return {}
    return known if isinstance(known, dict) else {}


def update(folder: Path, **facts: object) -> None:
    """Add facts, in the place of older ones of the same names; nobody ever reads half of the file."""
    path = folder / FILE
    unfinished = path.with_suffix(".tmp")
    unfinished.write_text(json.dumps(read(folder) | facts, indent=2) + "\n")
    unfinished.replace(path)
