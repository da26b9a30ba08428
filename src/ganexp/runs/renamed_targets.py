"""Renamed classes and functions, so that runs of earlier versions can be read."""

from collections.abc import Mapping
from typing import Any

from omegaconf import DictConfig, ListConfig, OmegaConf

RENAMED = {
    "ganexp.strategy.TurnByTurn": "ganexp.distributed.strategy.AlternatingDDP",
    "ganexp.analysis.forgetting.Forget": "ganexp.analysis.feature_ablation.FeatureAblation",
    "ganexp.analysis.neighbours.Neighbours": "ganexp.analysis.memorization.NearestNeighbours",
    "ganexp.analysis.probing.LinearProbe": "ganexp.analysis.linear_probe.LinearProbe",
    "ganexp.analysis.turn.Turn": "ganexp.analysis.pose_direction.PoseDirection",
    "ganexp.data.degradations.Downscale": "ganexp.data.translation.degradations.Downscale",
    "ganexp.data.degradations.Edges": "ganexp.data.translation.degradations.Edges",
    "ganexp.data.degradations.Gray": "ganexp.data.translation.degradations.Gray",
    "ganexp.data.degradations.Hole": "ganexp.data.translation.degradations.Hole",
    "ganexp.data.degradations.Mosaic": "ganexp.data.translation.degradations.Mosaic",
    "ganexp.data.domains.halves": "ganexp.data.sources.halves",
    "ganexp.data.paired.PairedData": "ganexp.data.translation.module.PairedData",
    "ganexp.data.unpaired.UnpairedData": "ganexp.data.translation.module.UnpairedData",
    "ganexp.metrics.own.own": "ganexp.metrics.custom.custom",
    "ganexp.penalties.Dragan": "ganexp.penalties.dragan.Dragan",
    "ganexp.penalties.GradientPenalty": "ganexp.penalties.gradient_penalty.GradientPenalty",
    "ganexp.penalties.LeCam": "ganexp.penalties.lecam.LeCam",
    "ganexp.penalties.R1": "ganexp.penalties.zero_centred.R1",
    "ganexp.penalties.R2": "ganexp.penalties.zero_centred.R2",
    "ganexp.networks.resnet.ConditionalGenerator": "ganexp.networks.resnet.Generator",
    "ganexp.networks.resnet.ProjectionDiscriminator": "ganexp.networks.resnet.Discriminator",
}
"""Maps each renamed ``_target_`` of earlier versions' config groups to its current name."""


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


def renamed(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return settings by dotted key with every renamed ``_target_`` replaced."""
    return {
        key: RENAMED.get(value, value) if key.endswith("_target_") and isinstance(value, str) else value
        for key, value in settings.items()
    }
