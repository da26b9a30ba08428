"""What a run is a run of: the settings that may not change on its way."""

from collections.abc import Mapping
from typing import Any

from omegaconf import DictConfig, OmegaConf

from ganexp import composition, run_folder

CHANGEABLE = (
    "images",
    "trainer",
    "numerics",
    "logger",
    "callbacks",
    "scoring",
    "doctor",
    "data_root",
    "data.root",
    "data.workers",
    "data.in_memory",
)
"""What may differ from when the run began; everything else is what it is a run of, or is in the checkpoint."""
TOLD = 3


def may_change(key: str) -> bool:
    """Return whether a value, by its dotted key, may change within a run."""
    return any(key == part or key.startswith(f"{part}.") for part in CHANGEABLE)


def settings(config: DictConfig) -> dict[str, Any]:
    """Return every value that may not change within a run, by its dotted key."""
    every = composition.flatten(OmegaConf.to_container(run_folder.without_run_dir(config)))
    return {key: value for key, value in every if not isinstance(value, dict) and not may_change(key)}


def changes(now: Mapping[str, Any], then: Mapping[str, Any]) -> str:
    """Return in words what differs between two runs' settings, nothing if they are the same."""
    differing = [key for key in {**now, **then} if now.get(key) != then.get(key)]
    more = f"; and {len(differing) - TOLD} more" if len(differing) > TOLD else ""
    return "; ".join(f"{key}: {now.get(key)} against {then.get(key)}" for key in differing[:TOLD]) + more
