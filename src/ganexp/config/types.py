"""Types of settings: a value given by the user must have the type of its default."""

from collections.abc import Iterator
from typing import Any

from ganexp.errors import UserError

TYPE_NAMES = {bool: "true or false", int: "a whole number", float: "a number", str: "a word", list: "a list"}
KEYS_OF_SEVERAL_TYPES = ("trainer.devices",)
"""A number or a list of numbers; validated in `checks`."""
KEYS_OF_LISTS = ("data.image_size",)
"""Instead of its number a list may be given, which the schema checks."""


def check_types(values: dict[str, Any], defaults: dict[str, Any], keys: list[str]) -> None:
    """Raise UserError if a value given by the user has another type than its default."""
    given, expected = dict(flatten(values)), dict(flatten(defaults))
    for key in keys:
        value, default = given.get(key), expected.get(key)
        is_list = key in KEYS_OF_LISTS and isinstance(value, list)
        if key not in KEYS_OF_SEVERAL_TYPES and not is_list and not same_type(value, default):
            expected_type = TYPE_NAMES.get(type(default), "a group of values")
            example = "" if isinstance(default, dict) else f", for example {key}={default}"
            raise UserError(f"{key}={value}: {expected_type} is expected{example}")


def same_type(value: Any, default: Any) -> bool:
    """Return whether the value could replace the default; null and references are compatible with every type."""
    if any(item is None or (isinstance(item, str) and "${" in item) for item in (value, default)):
        return True
    if isinstance(default, bool) or isinstance(value, bool):
        return isinstance(value, bool) and isinstance(default, bool)
    if isinstance(default, float):
        return isinstance(value, int | float)
    if isinstance(default, str):
        return not isinstance(value, dict)
    return isinstance(value, type(default))


def flatten(node: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield (dotted key, value) of every node of plain containers, inner nodes included."""
    if isinstance(node, dict):
        for key, value in node.items():
            dotted = f"{prefix}{key}"
            yield dotted, value
            yield from flatten(value, f"{dotted}.")
