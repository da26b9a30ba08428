"""Which folders are runs."""

import glob
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from ganexp.errors import UserError
from ganexp.records import summary

CONFIG = "config.yaml"
SIGNS = {CONFIG, summary.FILE}
"""What a run's folder has one of; a sweep's run that never began has the latter only."""


def find_runs(places: Sequence[str]) -> list[Path]:
    """Return the runs' folders in some places, each once: runs, folders that hold runs, or patterns such as ``a/*``.

    Raises UserError for a place that does not exist, and if there is no run in any.
    """
    found: dict[Path, Path] = {}
    for place in places:
        for folder in folders(place):
            for run in runs_in(folder):
                found.setdefault(run.resolve(), run)
    if not found:
        raise UserError(f"no run in {', '.join(places)}: a run's folder has a {CONFIG}, a sweep's holds such folders")
    return list(found.values())


def folders(place: str) -> list[Path]:
    """Return the folder of that name or, where there is none, those that fit it as a pattern.

    Raises UserError if there are none.
    """
    # Names of runs hold characters that mean something in a pattern, such as [1,2].
    matching = [Path(place)] if Path(place).is_dir() else [Path(path) for path in sorted(glob.glob(place))]  # noqa: PTH207
    if not matching:
        raise UserError(f"{place}: no such folder; give runs, sweeps or patterns, such as outputs/* or multirun/…")
    return [path for path in matching if path.is_dir()]


def runs_in(folder: Path) -> Iterator[Path]:
    """Yield the folder itself if it is a run's, else the runs' folders below it, in order of their names."""
    seen: set[Path] = set()
    for parent, below, files in os.walk(folder, followlinks=True):
        # Links may lead back to where they lie.
        if Path(parent).resolve() in seen:
            below.clear()
            continue
        seen.add(Path(parent).resolve())
        if SIGNS.intersection(files):
            below.clear()
            yield Path(parent)
        below.sort()
