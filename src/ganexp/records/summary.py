"""Run summary (summary.json): provenance, status and cost of a run."""

import json
from pathlib import Path
from typing import Any

from ganexp.files.untrusted import read_json

FILE = "summary.json"

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
    """Add facts, replacing older ones of the same names; the file is written atomically."""
    path = folder / FILE
    unfinished = path.with_suffix(".tmp")
    unfinished.write_text(json.dumps(read(folder) | facts, indent=2) + "\n")
    unfinished.replace(path)
