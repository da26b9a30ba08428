"""Trusted code of a configuration from a run's folder.

A run's folder may come from somebody else, and a ``_target_`` in its config.yaml is code that would be executed. So
each place of the configuration accepts only the targets that ganexp's own config groups name there, unless the user
trusts more with ``trust=TARGET``.
"""

from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf

from ganexp.config.composition import conf_dir, resolve
from ganexp.errors import UserError
from ganexp.runs.places import entries, places
from ganexp.runs.run_folder import CONFIG, TRUST, naming

REFERENCE = "${"


def trusted(config: DictConfig) -> DictConfig:
    """Return the configuration of a run's folder with its references resolved, any other configuration unchanged.

    Only the returned configuration may be built: a resolver such as ``${oc.env:…}`` may change its value.
    Raises UserError for targets that ``require_trusted`` rejects.
    """
    if config.get(TRUST) is None:
        return config
    with naming(Path(config.run_dir) / CONFIG):
        resolved = resolve(config)
    require_trusted(resolved, config[TRUST])
    return OmegaConf.create(resolved)


def require_trusted(config: dict[str, Any], trusted_targets: Collection[str] = ()) -> None:
    """Raise UserError naming every target that is neither in ganexp's config groups at its place nor trusted.

    ``config`` must be resolved, since references and resolvers can construct targets; any remaining reference was
    hidden by escaping.
    """
    for text in strings(config):
        if REFERENCE in text:
            raise UserError(f"the run's config.yaml contains an escaped reference, {text}: remove the backslash")
    if unknown := unknown_targets(config, trusted_targets):
        named = ", ".join(f"{target} at {place}" for target, place in unknown.items())
        raise UserError(
            f"the run's config.yaml names {named}, which ganexp's config groups do not name there; if you trust that "
            f"code, add trust={','.join(unknown)}"
        )


def unknown_targets(config: dict[str, Any], trusted_targets: Collection[str] = ()) -> dict[str, str]:
    """Return {target: place} of a resolved configuration's code that ganexp's config groups do not name there."""
    own = places(conf_dir())
    return {
        target: place
        for place, target in targets(config)
        if target not in trusted_targets and target not in own.permitted(place)
    }


def strings(node: Any) -> Iterator[str]:
    """Yield every string in plain containers."""
    if isinstance(node, str):
        yield node
    elif isinstance(node, list | dict):
        for item in node.values() if isinstance(node, dict) else node:
            yield from strings(item)


def targets(config: Any) -> Iterator[tuple[str, str]]:
    """Yield (place, target) of every ``_target_`` in plain containers."""
    for place, value in entries(config, ""):
        if place.rpartition(".")[2] == "_target_":
            yield place.rpartition(".")[0], str(value)
