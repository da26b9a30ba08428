"""Kinds of values that a setting may have: type and range, with a description for a message."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Kind:
    """Values that are accepted, and their description, such as "a whole number, 1 or more"."""

    description: str
    accepts: Callable[[Any], bool]


LARGEST_WHOLE = 2**63 - 1
"""Counters are 64-bit integers."""


def is_whole(value: Any) -> bool:
    """Return whether the value is a whole number of 64 bits."""
    return isinstance(value, int) and not isinstance(value, bool) and -LARGEST_WHOLE <= value <= LARGEST_WHOLE


def is_number(value: Any) -> bool:
    """Return whether the value is a finite number."""
    return is_whole(value) or (isinstance(value, float) and math.isfinite(value))


def whole(least: int | None = None, most: int | None = None) -> Kind:
    """Return whole numbers from ``least`` to ``most``, both included."""
    return Kind(
        f"a whole number{bounds(least, most)}",
        lambda value: is_whole(value) and (least is None or value >= least) and (most is None or value <= most),
    )


def number(least: float | None = None, most: float | None = None) -> Kind:
    """Return finite numbers from ``least`` to ``most``, both included."""
    return Kind(
        f"a number{bounds(least, most)}",
        lambda value: is_number(value) and (least is None or value >= least) and (most is None or value <= most),
    )


def bounds(least: float | None, most: float | None) -> str:
    """Return a description of two bounds, either of which may be missing."""
    if least is None:
        return "" if most is None else f", {most} or less"
    return f", {least} or more" if most is None else f" from {least} to {most}"


def positive() -> Kind:
    """Return finite numbers above 0."""
    return Kind("a number above 0", lambda value: is_number(value) and value > 0)


def below_one() -> Kind:
    """Return numbers in [0, 1), such as the decay of a moving average."""
    return Kind("a number, 0 or more and below 1", lambda value: is_number(value) and 0 <= value < 1)


def flag() -> Kind:
    """Return true and false."""
    return Kind("true or false", lambda value: isinstance(value, bool))


def text() -> Kind:
    """Return words, and numbers, since a name may consist of digits."""
    return Kind("a word", lambda value: isinstance(value, str | int | float) and not isinstance(value, bool))


def path() -> Kind:
    """Return paths; the empty one is where a script's variable was not set, and would be the current folder."""
    return Kind("the path of a file or folder", lambda value: text().accepts(value) and str(value).strip() != "")


def class_name() -> Kind:
    """Return names of classes, which contain something other than digits."""
    return Kind("the name of a class", lambda value: isinstance(value, str) and value != "")


def exactly(*values: str | int) -> Kind:
    """Return some values."""
    return Kind(" or ".join(map(str, values)), lambda value: not isinstance(value, bool) and value in values)


def list_of(kind: Kind, least: int = 0, length: int | None = None) -> Kind:
    """Return lists of a kind with at least ``least`` items, or of a ``length``."""
    size = f"{length} values" if length is not None else f"values, {least} or more" if least else "values"
    return Kind(
        f"a list of {size}, each {kind.description}",
        lambda value: (
            isinstance(value, list)
            and len(value) >= least
            and length in (None, len(value))
            and all(kind.accepts(item) for item in value)
        ),
    )


def image_size() -> Kind:
    """Return the sides of squares, and lists of a height and a width."""
    side = whole(1)
    rectangle = list_of(side, length=2)
    return Kind(
        f"{side.description}, or [height,width] of two such",
        lambda value: side.accepts(value) or rectangle.accepts(value),
    )


def either(*kinds: Kind) -> Kind:
    """Return the values of any of some kinds."""
    return Kind(
        " or ".join(kind.description for kind in kinds), lambda value: any(kind.accepts(value) for kind in kinds)
    )


def optional(kind: Kind) -> Kind:
    """Return the values of a kind, and null."""
    return Kind(f"{kind.description}, or null", lambda value: value is None or kind.accepts(value))


def group() -> Kind:
    """Return groups of settings."""
    return Kind("a group of settings", lambda value: isinstance(value, Mapping))


def part() -> Kind:
    """Return groups of settings that name what is built from them."""
    return Kind("a group of settings with a _target_", lambda value: isinstance(value, Mapping) and "_target_" in value)


def anything() -> Kind:
    """Return all values, for a setting that its part checks."""
    return Kind("any value", lambda _: True)


def with_remedy(kind: Kind, remedy: str) -> Kind:
    """Return a kind whose description ends with what else could be done."""
    return Kind(f"{kind.description}; {remedy}", kind.accepts)
