"""Shorthands of the command line: a group of values given as if it were one value."""

from collections.abc import Sequence

SHORTHANDS = {"init": "init.path", "model.freeze": "model.freeze.discriminator"}
"""The value of a group that a value given for the whole group stands for."""


def written_out(arguments: Sequence[str]) -> list[str]:
    """Return the arguments with every shorthand, such as ``init=DIR``, as the value that it stands for."""
    return [_written_out(argument) for argument in arguments]


def _written_out(argument: str) -> str:
    key, equals, value = argument.partition("=")
    is_group = not equals or value.startswith("{")
    return argument if is_group or key not in SHORTHANDS else f"{SHORTHANDS[key]}={value}"
