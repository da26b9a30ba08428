"""Overrides of the configuration from Python, as those of the command line without its flags."""

import shlex
from collections.abc import Sequence

from ganexp.cli.flags import check_override
from ganexp.errors import UserError


def require_overrides(overrides: Sequence[str]) -> None:
    """Raise UserError unless every override is KEY=VALUE, such as ``"model=dcgan"``."""
    if isinstance(overrides, str):
        raise UserError(f"overrides={overrides!r}: give a list, such as {overrides.split()!r}")
    for override in overrides:
        if override.startswith("-"):
            command = shlex.join(["python", "-m", "ganexp", *overrides])
            raise UserError(f"{override} is a flag of the command line; in a terminal: {command}")
        check_override(override)
