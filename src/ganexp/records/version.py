"""Code version that made a run: package version and git commit."""

import subprocess
from pathlib import Path

from ganexp import __version__

SECONDS = 5.0


def code_version() -> dict[str, str | None]:
    """Return ganexp's version and, where it is imported from a git checkout, the commit.

    ``-dirty`` is appended if tracked files differ from the commit.
    """
    return {"ganexp": __version__, "commit": commit(Path(__file__).parents[1])}


def commit(folder: Path) -> str | None:
    """Return the commit of a folder that git tracks, None for any other folder or without git."""
    # A package installed inside another repository is not part of it.
    tracked = git(folder, "ls-files", "--error-unmatch", "__init__.py")
    return git(folder, "describe", "--always", "--abbrev=40", "--dirty", "--exclude=*") if tracked else None


def git(folder: Path, *arguments: str) -> str | None:
    """Return git's output, None if it fails."""
    try:
        completed = subprocess.run(
            ["git", "-C", str(folder), *arguments], capture_output=True, text=True, timeout=SECONDS, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return completed.stdout.strip()
