"""What a configuration from elsewhere may name.

A run's folder may come from somebody else, and a ``_target_`` in its config.yaml is code that would be run. So
only what ganexp's own config groups name is built, unless the user vouches for more by ``trust=PACKAGE``. Loggers
send a configuration elsewhere, so it may name no other environment variables than ganexp's own either.
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
    """Return the configuration of a run's folder with its references resolved, one that was composed here as it is.

    Only what this returns may be built: a resolver such as ``${oc.env:…}`` may say something else the next time. Raises
    UserError for what ``require_trusted`` refuses.
    """
    if config.get(TRUST) is None:
        return config
    guard_environment()
    resolved = resolve(config)
    require_trusted(resolved, config[TRUST])
    return OmegaConf.create(resolved)


def require_trusted(config: dict[str, Any], vouched_for: Collection[str] = ()) -> None:
    """Raise UserError naming the first target that neither ganexp's config groups nor the user vouch for.

    ``config`` is resolved, since a reference or a resolver can make up a target as well; a reference that is left was
    hidden from that.
    """
    for text in texts(config):
        if REFERENCE in text:
            raise UserError(f"the run's config.yaml hides a reference, {text}: write it without a backslash")
    own = own_targets(conf_dir())
    for target in targets(config):
        package = target.partition(".")[0]
        if target not in own and not (package in vouched_for and defined_in(package, target)):
            raise UserError(
                f"the run's config.yaml names {target}, which is not in ganexp's config groups; "
                f"if you trust that code, add trust={package}"
            )


def guard_environment() -> None:
    """Let ``${oc.env:…}`` of a run's folder read only variables that ganexp's own config groups name, in all of them.

    It asks when it is resolved, as a reference or another resolver can make up the name.
    """
    OmegaConf.register_new_resolver("oc.env", environment, replace=True)


def environment(name: str, *default: str | None, _root_: Any) -> str | None:
    """Return an environment variable, as OmegaConf's own resolver does.

    Raises UserError for another than ganexp's own where the configuration is that of a run's folder.
    """
    if _root_.get(TRUST) is not None and name not in own_variables(conf_dir()):
        raise UserError(
            f"the run's config.yaml reads the environment variable {name}, which is not in ganexp's config groups: "
            "write its value there"
        )
    return env(name, *default)


@cache
def own_variables(folder: Path) -> frozenset[str]:
    """Return every environment variable that the config groups name."""
    return frozenset(name for path in folder.rglob("*.yaml") for name in VARIABLE.findall(path.read_text()))


@cache
def own_targets(folder: Path) -> frozenset[str]:
    """Return every ``_target_`` that the config groups name."""
    return frozenset(
        target for path in folder.rglob("*.yaml") for target in targets(OmegaConf.to_container(OmegaConf.load(path)))
    )


def texts(node: Any) -> Iterator[str]:
    """Yield every string in plain containers."""
    if isinstance(node, str):
        yield node
    elif isinstance(node, list | dict):
        for item in node.values() if isinstance(node, dict) else node:
            yield from texts(item)


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
    """Return whether the target is the package's own, and not another's that it imports, such as ``x.os.system``."""
    try:
        found: Any = importlib.import_module(package)
        for number, name in enumerate(target.split(".")[1:], start=2):
            if not hasattr(found, name):
                importlib.import_module(".".join(target.split(".")[:number]))
            found = getattr(found, name)
    except (ImportError, AttributeError) as error:
        raise UserError(f"trust={package}: {target} cannot be imported: {error}") from error
    return str(getattr(found, "__module__", "")).partition(".")[0] == package
