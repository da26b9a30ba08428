"""Which code made a run."""

import subprocess
from pathlib import Path

from ganexp import __version__

SECONDS = 5.0


def code_version() -> dict[str, str | None]:
    """Return ganexp's version and, where it is imported from a git checkout, the commit.

    ``-dirty`` follows a commit from which files differ.
    """
    return {"ganexp": __version__, "commit": commit(Path(__file__).parents[1])}


def commit(folder: Path) -> str | None:
    """Return the commit of a folder that git tracks, None for any other and where there is no git."""
    # A package installed inside of somebody's repository is no part of it.
    tracked = git(folder, "ls-files", "--error-unmatch", "__init__.py")
    return git(folder, "describe", "--always", "--abbrev=40", "--dirty", "--exclude=*") if tracked else None


def git(folder: Path, *arguments: str) -> str | None:
    """Return what git says, None if it fails."""
    try:
        said = subprocess.run(
            ["git", "-C", str(folder), *arguments], capture_output=True, text=True, timeout=SECONDS, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return said.stdout.strip()
