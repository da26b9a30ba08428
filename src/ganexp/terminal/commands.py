"""Command lines that messages name, quoted for a shell."""

import shlex
from pathlib import Path


def resume_command(folder: Path, overrides: tuple[str, ...] = ()) -> str:
    """Return the command that continues the run in ``folder``, with overrides such as ``images=1000``."""
    return shlex.join(["python", "-m", "ganexp", f"resume={folder}", *overrides])
