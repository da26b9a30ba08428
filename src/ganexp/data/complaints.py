"""What is wrong with a data set: a training stops at it, an inspection lists it and goes on."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from ganexp.errors import UserError


@dataclass(frozen=True)
class Problem:
    """What is wrong, with which files or classes, and what to do about it."""

    what: str
    where: tuple[str, ...]
    fix: str


_listed: ContextVar[list[Problem] | None] = ContextVar("listed", default=None)


def complain(error: UserError, problem: Problem) -> None:
    """Raise the error; within `listing` note the problem, and the caller goes on without what is wrong."""
    problems = _listed.get()
    if problems is None:
        raise error
    if problem not in problems:
        problems.append(problem)


@contextmanager
def listing() -> Iterator[list[Problem]]:
    """Yield a list in which `complain` notes each problem once, instead of raising."""
    problems: list[Problem] = []
    before = _listed.set(problems)
    try:
        yield problems
    finally:
        _listed.reset(before)
