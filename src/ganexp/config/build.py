"""Objects from the configuration, with a user's mistakes told in one line."""

import importlib.util
import re
from typing import Any

from hydra.errors import InstantiationException
from hydra.utils import instantiate
from lightning.fabric.utilities.exceptions import MisconfigurationException
from omegaconf import DictConfig

from ganexp.errors import UserError, one_line

EXTRAS = {"lmdb": "lsun", "optuna": "sweeps", "tensorboard": "tensorboard", "trackio": "board"}
"""The optional part of ganexp that installs a package; all others are installed with ganexp itself."""
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
    package = missing_package(error)
    if package is not None:
        name = f"'ganexp[{EXTRAS[package]}]'" if package in EXTRAS else package
        return UserError(f"{place}the package {package} is not installed: pip install {name}")
    if cause is None:
        return UserError(f"{place}{one_line(error).partition(' full_key:')[0]}")
    return UserError(f"{place}{one_line(cause)}") if isinstance(cause, MISTAKES) else error


def missing_package(error: BaseException | None) -> str | None:
    """Return the package outside of ganexp whose absence caused an error, None if something else did."""
    while error is not None:
        if isinstance(error, ModuleNotFoundError) and error.name is not None:
            package = error.name.partition(".")[0]
            return package if importlib.util.find_spec(package) is None else None
        error = error.__cause__ or error.__context__
    return None
