"""Problems of a data set: training stops at the first, an inspection collects them all."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from ganexp.errors import UserError


@dataclass(frozen=True)
class Problem:
    """A problem, the files or classes that have it, and how to fix it.

    ``pictures`` has the names of the pictures of each place in ``where``, such as the two that are alike; without it,
    each place is itself the name of one.
    """

    what: str
    where: tuple[str, ...]
    fix: str
    pictures: tuple[tuple[str, ...], ...] = ()


_collected: ContextVar[list[Problem] | None] = ContextVar("collected", default=None)


def report_problem(error: UserError, problem: Problem) -> None:
    """Raise the error; within `collect_problems`, record the problem instead, so that the caller can skip the item."""
    if _collected.get() is None:
        raise error
    note_problem(problem)


def note_problem(problem: Problem) -> None:
    """Within `collect_problems`, record a problem that training does not stop at."""
    problems = _collected.get()
    if problems is not None and problem not in problems:
        problems.append(problem)


@contextmanager
def collect_problems() -> Iterator[list[Problem]]:
    """Yield a list to which `report_problem` adds each problem once, instead of raising."""
    problems: list[Problem] = []
    token = _collected.set(problems)
    try:
        yield problems
    finally:
        _collected.reset(token)
