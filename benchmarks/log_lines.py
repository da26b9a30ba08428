"""Lines of a process's log that are worth showing."""

import re
from pathlib import Path

EXCEPTION = re.compile(r"[\w.]*(Error|Exception|Interrupt): ")
"""How the last line of a traceback begins."""


def last_line(log: Path) -> str:
    """Return the last line of a log that is not empty, at most 200 characters of it."""
    return next(iter(shown(log)[::-1]), "")


def reason_in(log: Path) -> str:
    """Return the line of a log that says why a process failed, at most 200 characters of it.

    That is the last that begins with an exception's name, as CUDA's errors are followed by advice, else the last.
    """
    return next((line for line in shown(log)[::-1] if EXCEPTION.match(line)), last_line(log))


def shown(log: Path) -> list[str]:
    """Return the lines of a log that are not empty, at most 200 characters of each."""
    return [line.strip()[:200] for line in log.read_text(errors="replace").splitlines() if line.strip()]
