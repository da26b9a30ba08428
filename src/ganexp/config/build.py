"""Objects from the configuration, with a user's mistakes told in one line."""

import re
from typing import Any

from hydra.errors import InstantiationException
from hydra.utils import instantiate
from lightning.fabric.utilities.exceptions import MisconfigurationException
from omegaconf import DictConfig

from ganexp.errors import UserError, one_line

MISTAKES = (TypeError, ValueError, ImportError, AttributeError, MisconfigurationException)


def build(config: DictConfig, **overrides: object) -> Any:
    """Build the object that a node of the configuration names, with ``overrides`` in the place of its own values.

    Constructors get plain containers, not those of OmegaConf.
    Raises UserError where a constructor refuses its arguments.
    """
    try:
        return instantiate(config, _convert_="all", **overrides)
    except InstantiationException as error:
        raise as_mistake(error) from error


def as_mistake(error: InstantiationException) -> Exception:
    """Return the user's mistake behind a failed instantiation, or the error itself."""
    cause = error.__cause__
    if isinstance(cause, UserError):
        return cause
    where = re.search(r"full_key: (\S+)", str(error))
    place = f"{where[1]}: " if where else ""
    if cause is None:
        return UserError(f"{place}{one_line(error).partition(' full_key:')[0]}")
    return UserError(f"{place}{one_line(cause)}") if isinstance(cause, MISTAKES) else error
