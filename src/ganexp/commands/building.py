"""Objects from the configuration, with a user's mistakes told in one line."""

import re
from typing import Any

from hydra.errors import InstantiationException
from hydra.utils import instantiate
from omegaconf import DictConfig

from ganexp.errors import UserError

MISTAKES = (TypeError, ValueError, ImportError, AttributeError)


def build(config: DictConfig) -> Any:
    """Build what a node of the configuration names; constructors see plain containers only.

    Raises UserError where a constructor refuses its arguments.
    """
    try:
        return instantiate(config, _convert_="all")
    except InstantiationException as error:
        raise as_mistake(error) from error


def as_mistake(error: InstantiationException) -> Exception:
    """Return the user's mistake behind a failed instantiation, or the error itself."""
    cause = error.__cause__
    if isinstance(cause, UserError):
        return cause
    where = re.search(r"full_key: (\S+)", str(error))
    place = f"{where[1]}: " if where else ""
    if cause is None or isinstance(cause, MISTAKES):
        text = str(cause) if cause is not None else str(error).splitlines()[0]
        return UserError(text if isinstance(cause, ValueError) else f"{place}{text}")
    return error
