"""What a configuration from elsewhere may name.

A run's folder may come from somebody else, and a ``_target_`` in its config.yaml is code that would be run. So
only what ganexp's own config groups name is built, unless the user vouches for more by ``trust=PACKAGE``.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf

from ganexp.composition import conf_dir, flatten
from ganexp.errors import UserError


def require_trusted(config: DictConfig, vouched_for: Iterable[str] = ()) -> None:
    """Raise UserError naming the first target that neither ganexp's config groups nor the user vouch for."""
    own = own_targets(conf_dir())
    packages = tuple(f"{name}." for name in vouched_for)
    for target in targets(OmegaConf.to_container(config)):
        if target not in own and not target.startswith(packages or ("\0",)):
            package = target.partition(".")[0]
            raise UserError(
                f"the run's config.yaml names {target}, which is not ganexp's own; "
                f"if you trust that code, add trust={package}"
            )


def own_targets(folder: Path) -> set[str]:
    """Return every ``_target_`` that the config groups name."""
    found: set[str] = set()
    for path in folder.rglob("*.yaml"):
        found.update(targets(OmegaConf.to_container(OmegaConf.load(path))))
    return found


def targets(node: Any) -> Iterable[str]:
    """Yield every ``_target_`` in plain containers, in lists too."""
    if isinstance(node, list):
        for item in node:
            yield from targets(item)
    for key, value in flatten(node):
        if key.rpartition(".")[2] == "_target_":
            yield str(value)
        if isinstance(value, list):
            yield from targets(value)
