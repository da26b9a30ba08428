"""Checks of single values read from a checkpoint, which may come from somebody else."""

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ganexp.errors import UserError

LARGEST_COUNT = 2**53
"""Counts are below this, so that they are exact as float64, and products with a batch size fit into 64 bits."""
SHOWN = 40


class NotACheckpoint(UserError):
    """A value of a checkpoint is not what its reader needs: where it is, and what was expected there."""


class Missing:
    """Stands for a value that a checkpoint does not have."""


@contextmanager
def naming_checkpoint(path: Path) -> Iterator[None]:
    """Raise UserError naming the checkpoint ``path`` in place of NotACheckpoint."""
    try:
        yield
    except NotACheckpoint as error:
        raise UserError(f"{path} is not a checkpoint of ganexp's: {error}") from error


def unexpected(where: str, value: Any, expected: str) -> NotACheckpoint:
    """Return the error for a value of a checkpoint, which may be Missing: where it is, and what was expected there."""
    return NotACheckpoint(f"{where} is {brief(value)}, but {expected} was expected")


def brief(value: Any) -> str:
    """Return a few words for a value of any size."""
    if isinstance(value, Missing):
        return "missing"
    if hasattr(value, "shape"):
        return f"a tensor {tuple(value.shape)} of {str(value.dtype).removeprefix('torch.')}"
    if value is None or isinstance(value, bool | float):
        return str(value)
    # Python refuses to write out very long numbers.
    if isinstance(value, int):
        return str(value) if abs(value) < LARGEST_COUNT else "a number of more than 16 digits"
    if isinstance(value, str):
        return repr(value if len(value) <= SHOWN else f"{value[:SHOWN]}…")
    if isinstance(value, list | tuple | dict):
        return f"a {type(value).__name__} of {len(value)}"
    return f"a {type(value).__name__}"


def require_count(value: Any, where: str) -> int:
    """Return a count; raises NotACheckpoint unless it is a whole number, 0 or more."""
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < LARGEST_COUNT:
        raise unexpected(where, value, "a whole number, 0 or more,")
    return value


def require_number(value: Any, where: str, finite: bool = True) -> float:
    """Return a number; raises NotACheckpoint unless it is one and, if asked for, finite."""
    is_number = isinstance(value, float) or (isinstance(value, int) and abs(value) < LARGEST_COUNT)
    if not is_number or isinstance(value, bool) or (finite and not math.isfinite(value)):
        raise unexpected(where, value, "a finite number" if finite else "a number")
    return float(value)


def require_dict(value: Any, where: str) -> Mapping[str, Any]:
    """Return a dict; raises NotACheckpoint unless it is one with texts as keys."""
    if not isinstance(value, dict) or not all(isinstance(key, str) for key in value):
        raise unexpected(where, value, "a dict of names")
    return value


def require_list(value: Any, where: str, length: int | None = None) -> list[Any]:
    """Return a list; raises NotACheckpoint unless it is one and, if given, of this length."""
    if not isinstance(value, list) or length not in (None, len(value)):
        raise unexpected(where, value, "a list" if length is None else f"a list of {length}")
    return value


def entry(values: Mapping[str, Any], key: str) -> Any:
    """Return a dict's value, which is Missing if there is none, so that every check of it fails."""
    return values.get(key, Missing())
