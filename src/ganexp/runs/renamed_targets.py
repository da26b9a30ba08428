"""Renamed classes and functions, so that runs made by earlier versions can be read."""

from typing import Any

from omegaconf import DictConfig, ListConfig, OmegaConf

RENAMED = {
    "ganexp.strategy.TurnByTurn": "ganexp.distributed.strategy.AlternatingDDP",
}
"""From the ``_target_`` of an earlier version's config group to that of today's."""


def rename_targets(node: Any) -> None:
    """Replace every renamed ``_target_`` below a node of a configuration, in place."""
    if isinstance(node, DictConfig):
        keys: Any = list(node)
    elif isinstance(node, ListConfig):
        keys = range(len(node))
    else:
        return
    for key in keys:
        if OmegaConf.is_missing(node, key) or OmegaConf.is_interpolation(node, key):
            continue
        if key == "_target_" and node[key] in RENAMED:
            node[key] = RENAMED[node[key]]
        else:
            rename_targets(node[key])
