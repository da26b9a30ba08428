"""Instantiation of configured objects, with a user's mistakes reported in one line."""

import importlib.util
import re
from typing import Any

from hydra.errors import InstantiationException
from hydra.utils import instantiate
from lightning.fabric.utilities.exceptions import MisconfigurationException
from omegaconf import DictConfig

from ganexp.errors import UserError, one_line

EXTRAS = {
    "aim": "aim",
    "comet_ml": "comet",
    "datasets": "hf",
    "lmdb": "lsun",
    "mlflow": "mlflow",
    "optuna": "sweeps",
    "tensorboard": "tensorboard",
    "trackio": "board",
}
"""The extra of ganexp that installs a package; packages not listed are installed with ganexp itself."""
USER_ERRORS = (TypeError, ValueError, ImportError, AttributeError, MisconfigurationException)


def build(config: DictConfig, **overrides: object) -> Any:
    """Instantiate the ``_target_`` of a configuration node; ``overrides`` replace its values.

    Constructors receive plain containers, not those of OmegaConf.
    Raises UserError if a constructor rejects its arguments.
    """
    try:
        return instantiate(config, _convert_="all", **overrides)
    except InstantiationException as error:
        raise user_error(error) from error


def user_error(error: InstantiationException) -> Exception:
    """Return the user's mistake behind a failed instantiation, or the error itself."""
    cause = error.__cause__
    if isinstance(cause, UserError):
        return cause
    key = re.search(r"full_key: (\S+)", str(error))
    prefix = f"{key[1]}: " if key else ""
    package = missing_package(error)
    if package is not None:
        name = f"'ganexp[{EXTRAS[package]}]'" if package in EXTRAS else package
        return UserError(f"{prefix}the package {package} is not installed: pip install {name}")
    if cause is None:
        return UserError(f"{prefix}{one_line(error).partition(' full_key:')[0]}")
    return UserError(f"{prefix}{one_line(cause)}") if isinstance(cause, USER_ERRORS) else error


def missing_package(error: BaseException | None) -> str | None:
    """Return the missing third-party package that caused an error, None for any other cause."""
    while error is not None:
        if isinstance(error, ModuleNotFoundError) and error.name is not None:
            package = error.name.partition(".")[0]
            return package if importlib.util.find_spec(package) is None else None
        error = error.__cause__ or error.__context__
    return None
