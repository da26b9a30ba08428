"""Trusted code and environment variables of a configuration from a run's folder.

A run's folder may come from somebody else, and a ``_target_`` in its config.yaml is code that would be executed. So
only targets in ganexp's own config groups are built, unless the user trusts more with ``trust=PACKAGE``. Loggers
upload the configuration, so it may not read any environment variable other than those of ganexp either.
"""

import importlib
import re
from collections.abc import Collection, Iterator
from functools import cache
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf
from omegaconf.resolvers.oc import env

from ganexp.config.composition import conf_dir, resolve
from ganexp.errors import UserError
from ganexp.runs.run_folder import TRUST

REFERENCE = "${"
VARIABLE = re.compile(r"\$\{oc\.env:(\w+)")


def trusted(config: DictConfig) -> DictConfig:
    """Return the configuration of a run's folder with its references resolved, any other configuration unchanged.

    Only the returned configuration may be built: a resolver such as ``${oc.env:…}`` may change its value.
    Raises UserError for targets that ``require_trusted`` rejects.
    """
    if config.get(TRUST) is None:
        return config
    guard_environment()
    resolved = resolve(config)
    require_trusted(resolved, config[TRUST])
    return OmegaConf.create(resolved)


def require_trusted(config: dict[str, Any], trusted_packages: Collection[str] = ()) -> None:
    """Raise UserError naming the first target that is neither in ganexp's config groups nor in a trusted package.

    ``config`` must be resolved, since references and resolvers can construct targets; any remaining reference was
    hidden by escaping.
    """
    for text in strings(config):
        if REFERENCE in text:
            raise UserError(f"the run's config.yaml contains an escaped reference, {text}: remove the backslash")
    own = own_targets(conf_dir())
    for target in targets(config):
        package = target.partition(".")[0]
        if target not in own and not (package in trusted_packages and defined_in(package, target)):
            raise UserError(
                f"the run's config.yaml names {target}, which is not in ganexp's config groups; "
                f"if you trust that code, add trust={package}"
            )


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
    return frozenset(name for path in folder.rglob("*.yaml") for name in VARIABLE.findall(path.read_text()))


@cache
def own_targets(folder: Path) -> frozenset[str]:
    """Return every ``_target_`` in the config groups."""
    return frozenset(
        target for path in folder.rglob("*.yaml") for target in targets(OmegaConf.to_container(OmegaConf.load(path)))
    )


def strings(node: Any) -> Iterator[str]:
    """Yield every string in plain containers."""
    if isinstance(node, str):
        yield node
    elif isinstance(node, list | dict):
        for item in node.values() if isinstance(node, dict) else node:
            yield from strings(item)


def targets(node: Any) -> Iterator[str]:
    """Yield every ``_target_`` in plain containers."""
    if isinstance(node, list):
        for item in node:
            yield from targets(item)
    elif isinstance(node, dict):
        for key, value in node.items():
            if key == "_target_":
                yield str(value)
            else:
                yield from targets(value)


def defined_in(package: str, target: str) -> bool:
    """Return whether the target is defined in the package itself, not imported by it like ``x.os.system``."""
    try:
        value: Any = importlib.import_module(package)
        for number, name in enumerate(target.split(".")[1:], start=2):
            if not hasattr(value, name):
                importlib.import_module(".".join(target.split(".")[:number]))
            value = getattr(value, name)
    except (ImportError, AttributeError) as error:
        raise UserError(f"trust={package}: {target} cannot be imported: {error}") from error
    return str(getattr(value, "__module__", "")).partition(".")[0] == package
