"""Scores recorded in a run's folder."""

from pathlib import Path
from typing import Any

from ganexp.files.untrusted import read_json

SCORES = "scores.json"


def read_scores(folder: Path) -> list[dict[str, Any]]:
    """Return the latest scores of the run in ``folder``, each with its protocol.

    Those that cannot be read are left out.
    """
    try:
        scores = read_json(folder / SCORES)["scores"]
    except (OSError, ValueError, KeyError, TypeError):
        return []
    return [score for score in scores if is_score(score)] if isinstance(scores, list) else []


def is_float(value: Any) -> bool:
    """Return whether a value read from a file is a number that a float can hold, which a long one of digits is not."""
    try:
        return isinstance(value, int | float) and isinstance(float(value), float)
    except OverflowError:
        return False


def is_score(score: Any) -> bool:
    """Return whether a value read from scores.json has a name, a number and a protocol."""
    return (
        isinstance(score, dict)
        and isinstance(score.get("name"), str)
        and is_float(score.get("value"))
        and isinstance(score.get("protocol"), dict)
    )
