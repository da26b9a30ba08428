"""Parser of ``key=value`` arguments, for commands that compose no configuration."""

import dataclasses
from typing import TypeVar

import yaml
from omegaconf import OmegaConf
from omegaconf.errors import MissingMandatoryValue, OmegaConfBaseException

from ganexp.config.messages import explain, unknown
from ganexp.errors import UserError

T = TypeVar("T")

HELP = ("-h", "--help")


def parse(schema: type[T], arguments: list[str]) -> T:
    """Return an instance of the dataclass ``schema`` from ``key=value`` arguments.

    Raises UserError for an unknown key, a value of the wrong type, or a missing mandatory value.
    """
    fields = {field.name: str(field.type) for field in dataclasses.fields(schema)}  # type: ignore[arg-type]
    helps = {field.name: field.metadata["help"] for field in dataclasses.fields(schema)}  # type: ignore[arg-type]
    config = OmegaConf.structured(schema)
    for argument in arguments:
        key, equals, text = argument.partition("=")
        if not equals or key not in fields:
            raise UserError(unknown(argument, "argument", key, list(fields)))
        require_value(key, text, helps[key])
        try:
            value = yaml.safe_load(f"[{text}]" if fields[key].startswith("list") and text[:1] != "[" else text)
            config[key] = text if fields[key] == "<class 'str'>" else value
        except (OmegaConfBaseException, yaml.YAMLError) as error:
            raise UserError(f"{argument}: {explain(error)}") from error
    try:
        parsed: T = OmegaConf.to_object(config)  # type: ignore[assignment]
    except MissingMandatoryValue as error:
        raise UserError(explain(error)) from error
    return parsed


def require_value(key: str, text: str, expected: str) -> None:
    """Raise UserError for an argument without a value, as of a script's variable that was not set.

    An empty path would be the current folder.
    """
    if not text.strip():
        raise UserError(f"{key}= has no value; expected: {expected}")


def listed(value: str) -> list[str]:
    """Return the names or paths of a list, with or without brackets: ``[A,B]`` or ``A,B``."""
    return [part.strip() for part in value.strip("[]").split(",")]


def literal(text: str) -> str:
    """Return a text as a value for Hydra in which no character has a meaning."""
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def show_help(schema: type, command: str) -> None:
    """Print the help text of a command: its arguments with their descriptions."""
    print(f"python -m ganexp {command} key=value …\n\n{schema.__doc__}\n")
    fields = dataclasses.fields(schema)
    width = max(len(field.name) for field in fields) + 2
    for field in fields:
        default = "" if field.default in (dataclasses.MISSING, "???", None) else f" (default {field.default})"
        print(f"  {field.name:<{width}}{field.metadata['help']}{default}")
