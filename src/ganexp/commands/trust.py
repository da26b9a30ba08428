"""What a configuration from elsewhere may name.

A run's folder may come from somebody else, and a ``_target_`` in its config.yaml is code that would be run. So
only what ganexp's own config groups name is built, unless the user vouches for more by ``trust=PACKAGE``.
"""

import importlib
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf

from ganexp.composition import conf_dir
from ganexp.errors import UserError


def require_trusted(config: dict[str, Any], vouched_for: Collection[str] = ()) -> None:
    """Raise UserError naming the first target that neither ganexp's config groups nor the user vouch for.

    ``config`` is resolved, since a reference or a resolver can make up a target as well.
    """
    own = own_targets(conf_dir())
    for target in targets(config):
        package = target.partition(".")[0]
        if target not in own and not (package in vouched_for and defined_in(package, target)):
            raise UserError(
                f"the run's config.yaml names {target}, which is not in ganexp's config groups; "
                f"if you trust that code, add trust={package}"
            )


def own_targets(folder: Path) -> set[str]:
    """Return every ``_target_`` that the config groups name."""
    return {
        target for path in folder.rglob("*.yaml") for target in targets(OmegaConf.to_container(OmegaConf.load(path)))
    }


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
