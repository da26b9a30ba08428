"""Partial functions, as a configuration makes them."""

from collections.abc import Callable
from functools import partial
from typing import TypeVar

Function = TypeVar("Function", bound=Callable[..., object])


def plain(function: Function) -> Function:
    """Return a partial function without the check of its target that Hydra adds to every call.

    The check takes half a millisecond, and a game calls several partial functions per turn. Hydra has already checked
    the target on construction.
    """
    if not isinstance(function, partial):
        return function
    return partial(function.func, *function.args, **function.keywords)  # type: ignore[return-value]
