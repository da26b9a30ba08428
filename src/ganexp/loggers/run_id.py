"""Identity of a run at a logging service, kept in the run's folder so that a resumed run continues there."""

import re
from pathlib import Path

ID = re.compile(r"[A-Za-z0-9_-]{1,64}")


def read_run_id(path: Path) -> str | None:
    """Return the id in a file, None where there is none or the file holds anything else."""
    try:
        text = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        return None
    return text if ID.fullmatch(text) else None


def write_run_id(path: Path, run_id: str) -> None:
    """Write the id to a file, whose folder is made if it is missing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"{run_id}\n", encoding="utf-8")
