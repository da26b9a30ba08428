"""Errors for unreadable pictures."""

from collections.abc import Sequence

from ganexp.data.problems import Problem
from ganexp.errors import UserError

NAMES_SHOWN = 3


class UnreadableError(UserError):
    """Unreadable pictures, reported in one line."""

    def __init__(self, message: str) -> None:
        # A DataLoader worker passes its whole traceback as the message; only the last line is ours.
        last = message.rstrip().rsplit("\n", 1)[-1]
        super().__init__(last.removeprefix(f"{type(self).__module__}.{type(self).__qualname__}: "))


def unreadable(failures: Sequence[tuple[str, Exception]], total: int) -> UnreadableError:
    """Return the error for unreadable pictures, each with its name and cause, out of a total."""
    shown = "; ".join(f"{name} ({reason_of(error)})" for name, error in failures[:NAMES_SHOWN])
    more = f"; and {len(failures) - NAMES_SHOWN:,} more" if len(failures) > NAMES_SHOWN else ""
    return UnreadableError(
        f"{len(failures):,} of {total:,} images cannot be read: {shown}{more}. Repair or remove them, then start again."
    )


def unreadable_problem(failures: Sequence[tuple[str, Exception]]) -> Problem:
    """Return the same failures as a problem with the name of every picture."""
    where = tuple(f"{name} ({reason_of(error)})" for name, error in failures)
    return Problem("cannot be read", where, "repair or remove them, training stops at them")


def reason_of(error: Exception) -> str:
    """Return the reason why a picture cannot be read."""
    # Pillow's own message contains the address of a Python object instead of the cause.
    if type(error).__name__ == "UnidentifiedImageError":
        return "empty or not an image"
    text = " ".join(str(error).split())
    return text or type(error).__name__
