"""Environment variables that a configuration from a run's folder may read.

A run's folder may come from somebody else. Messages show values of its config.yaml and loggers upload them, so it may
not read any environment variable other than those of ganexp.
"""

import re
from functools import cache
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf
from omegaconf.resolvers.oc import env

from ganexp.config.composition import conf_dir
from ganexp.config.folders import TRUST
from ganexp.errors import UserError

VARIABLE = re.compile(r"\$\{oc\.env:(\w+)")


def guard_environment() -> None:
    """Restrict ``${oc.env:…}`` in configurations of run folders to the variables in ganexp's own config groups.

    The check takes place on resolution, as a reference or another resolver can construct the name.
    """
    OmegaConf.register_new_resolver("oc.env", environment, replace=True)


def environment(name: str, *default: str | None, _root_: Any) -> str | None:
    """Return an environment variable, as OmegaConf's own resolver does.

    Raises UserError for a variable not in ganexp's config groups if the configuration is that of a run's folder.
    """
    if _root_.get(TRUST) is not None and name not in own_variables(conf_dir()):
        raise UserError(
            f"the run's config.yaml reads the environment variable {name}, which is not in ganexp's config groups: "
            "write its value into config.yaml"
        )
    return env(name, *default)


@cache
def own_variables(folder: Path) -> frozenset[str]:
    """Return every environment variable that the config groups read."""
    texts = (path.read_text(encoding="utf-8") for path in folder.rglob("*.yaml"))
    return frozenset(name for text in texts for name in VARIABLE.findall(text))
