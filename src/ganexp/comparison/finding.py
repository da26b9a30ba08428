"""Discovery of run folders."""

import glob
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from ganexp.errors import UserError
from ganexp.records import summary

CONFIG = "config.yaml"
MARKERS = {CONFIG, summary.FILE}
"""Files that mark a run's folder; a sweep's run that never started has only the summary."""


def find_runs(paths: Sequence[str]) -> list[Path]:
    """Return the distinct run folders at paths: runs, folders that contain runs, or patterns such as ``a/*``.

    Raises UserError for a path that does not exist, and if there is no run at any.
    """
    runs: dict[Path, Path] = {}
    for path in paths:
        for folder in folders(path):
            for run in runs_in(folder):
                runs.setdefault(run.resolve(), run)
    if not runs:
        raise UserError(
            f"no run in {', '.join(paths)}: a run's folder contains a {CONFIG}, a sweep's folder contains runs"
        )
    return list(runs.values())


def folders(path: str) -> list[Path]:
    """Return the folder of that name or, where there is none, those that match it as a pattern.

    Raises UserError if there are none.
    """
    # Run names contain characters with a meaning in patterns, such as [1,2].
    matching = [Path(path)] if Path(path).is_dir() else [Path(match) for match in sorted(glob.glob(path))]  # noqa: PTH207
    if not matching:
        raise UserError(f"{path}: no such folder; give runs, sweeps or patterns, such as outputs/* or multirun/…")
    return [folder for folder in matching if folder.is_dir()]


def runs_in(folder: Path) -> Iterator[Path]:
    """Yield the folder itself if it is a run's, else the run folders below it, in order of their names."""
    seen: set[Path] = set()
    for parent, below, files in os.walk(folder, followlinks=True):
        # Symbolic links may form cycles.
        if Path(parent).resolve() in seen:
            below.clear()
            continue
        seen.add(Path(parent).resolve())
        if MARKERS.intersection(files):
            below.clear()
            yield Path(parent)
        below.sort()
