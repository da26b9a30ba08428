"""``key=value`` arguments of the commands that need no composition."""

import dataclasses
from typing import Any, TypeVar

from omegaconf import OmegaConf
from omegaconf.errors import MissingMandatoryValue, OmegaConfBaseException
from yaml import YAMLError

from ganexp.composition import explain, unknown
from ganexp.errors import UserError

T = TypeVar("T")

HELP = ("-h", "--help")


def parse(schema: type[T], arguments: list[str]) -> T:
    """Return an instance of the dataclass ``schema`` from ``key=value`` arguments.

    Raises UserError for an unknown key, a value of the wrong kind, or a mandatory one missing.
    """
    names = [field.name for field in dataclasses.fields(schema)]  # type: ignore[arg-type]
    for argument in arguments:
        key, equals, _ = argument.partition("=")
        if not equals or key not in names:
            raise UserError(unknown(argument, "argument", key, names))
    try:
        merged = OmegaConf.merge(OmegaConf.structured(schema), OmegaConf.from_dotlist(arguments))
        parsed: Any = OmegaConf.to_object(merged)
    except MissingMandatoryValue as error:
        raise UserError(explain(error)) from error
    except (OmegaConfBaseException, YAMLError) as error:
        raise UserError(f"{' '.join(arguments)}: {str(error).splitlines()[0]}") from error
    return parsed


def show_help(schema: type, command: str) -> None:
    """Print a command's arguments, each with its meaning."""
    print(f"python -m ganexp {command} key=value …\n\n{schema.__doc__}\n")
    for field in dataclasses.fields(schema):
        default = "" if field.default in (dataclasses.MISSING, "???") else f" (default {field.default})"
        print(f"  {field.name:<8}{field.metadata['help']}{default}")
