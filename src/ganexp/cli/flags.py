"""Command-line flags of training: those of Hydra, and KEY=VALUE overrides."""

import argparse
from typing import NoReturn

from hydra.errors import HydraException

from ganexp.cli.arguments import require_value
from ganexp.config.composition import conf_dir, groups
from ganexp.config.messages import unknown
from ganexp.config.schema import kind_of
from ganexp.errors import UserError
from ganexp.terminal.text import shortened


def read_flags(arguments: list[str]) -> argparse.Namespace:
    """Return Hydra's flags and, as ``overrides``, the remaining arguments, in any order.

    Raises UserError for an unknown flag and for an override that cannot be read.
    """
    from hydra._internal.utils import get_args_parser

    parser = get_args_parser()
    parser.error = refuse_flags  # type: ignore[method-assign]
    flags, unknown_flags = parser.parse_known_intermixed_args(arguments)
    if unknown_flags:
        raise UserError(unknown(unknown_flags[0], "flag", unknown_flags[0], list(parser._option_string_actions)))
    if flags.config_dir is not None:
        require_value("--config-dir", flags.config_dir, "a folder with config groups of your own")
    for override in flags.overrides:
        check_override(override)
    return flags


def check_override(override: str) -> None:
    """Raise UserError unless the override is KEY=VALUE, with an option's name where the key is a config group."""
    from hydra.core.override_parser.overrides_parser import OverridesParser

    try:
        parsed = OverridesParser.create().parse_override(override)
    except HydraException:
        parsed = None
    if parsed is None or not parsed.key_or_group:
        raise UserError(
            f"{shortened(repr(override))} cannot be read: give KEY=VALUE, with lists as 'key=[1,2]' and special "
            "characters in quotes, such as 'key=\"a b\"'"
        )
    options = groups(conf_dir()).get(parsed.key_or_group)
    chooses = not parsed.is_delete() and not parsed.is_sweep_override()
    is_empty = override.endswith("=") and not parsed.is_delete()
    if is_empty and not options:
        raise UserError(f"{override} has no value; expected: {expected_of(parsed.key_or_group)}")
    if options and chooses and (is_empty or not isinstance(parsed.value(), str | list)):
        raise UserError(f"{override}: {parsed.key_or_group} is a config group; choose one of {', '.join(options)}")
    if options and chooses and parsed.value() == []:
        none = f", or {parsed.key_or_group}=none" if "none" in options else ""
        raise UserError(f"{override}: choose one or more of {', '.join(options)}{none}")


def expected_of(key: str) -> str:
    """Return what the value of a dotted key must be."""
    kind = kind_of(key, "")
    return "a value, or null for none" if kind is None else kind.description


def refuse_flags(message: str) -> NoReturn:
    """Raise UserError with argparse's message."""
    raise UserError(f"{message}; see python -m ganexp --help")
