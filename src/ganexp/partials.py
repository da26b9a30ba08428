"""Functions with some arguments given, as a configuration makes them."""

from collections.abc import Callable
from functools import partial
from typing import TypeVar

Function = TypeVar("Function", bound=Callable[..., object])


def plain(function: Function) -> Function:
    """Return a partial function as one of functools: Hydra's own asks at each call anew whether it may be called.

    That takes half a millisecond, and a game calls several a turn. What it may call was asked when it was made.
    """
    if not isinstance(function, partial):
        return function
    return partial(function.func, *function.args, **function.keywords)  # type: ignore[return-value]
