"""Temporary files that a killed process left in a run's folder."""

import re
import stat
from pathlib import Path

NAMES = {
    ".": r"(metrics|scores|summary)\.tmp|\.(metrics\.csv|(scores|summary)\.json|config\.yaml|curves\.png)\.tmp",
    "checkpoints": r"(last|best|[0-9]+)\.tmp",
    "samples": r"\.(latest|[0-9]+)\.png\.tmp",
}
"""Names of the files that training writes before it renames them, by folder."""


def remove_unfinished(run: Path) -> None:
    """Remove the temporary files that training makes in a run's folder; links are neither followed nor removed."""
    for name, pattern in NAMES.items():
        folder = run / name
        if folder.is_symlink() or not folder.is_dir():
            continue
        for path in folder.iterdir():
            if re.fullmatch(pattern, path.name) and stat.S_ISREG(path.lstat().st_mode):
                path.unlink(missing_ok=True)
