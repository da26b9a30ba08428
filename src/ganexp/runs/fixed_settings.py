"""Fixed settings of a run; all others may change when it is resumed."""

from collections.abc import Mapping
from typing import Any

from omegaconf import DictConfig, OmegaConf

from ganexp.config.types import flatten
from ganexp.runs import run_folder
from ganexp.terminal.text import printable

CHANGEABLE = (
    "images",
    "trainer",
    "numerics",
    "graphs",
    "rank_timeout",
    "logger",
    "callbacks",
    "scoring",
    "doctor",
    "data_root",
    "data.root",
    "data.path",
    "data.labels",
    "data.workers",
    "data.in_memory",
    "data.device_memory_share",
    "data.device_decoding",
)
"""Settings that may change when a run is resumed; all others define the run, or are in the checkpoint."""
ADJUSTABLE = (
    "optimizer",
    "schedule",
    "penalty",
    "augmentation",
    "ema",
    "data.batch_size",
    "data.flip",
    "data.dequantize",
    "data.balance",
)
"""Settings of training whose values may be changed for the rest of a run, which is recorded."""
SIZES = ("latent", "channels", "image_size", "num_classes", "pool")
"""The numbers of a game that its networks and buffers have the size of."""
SHOWN = 3
LONGEST = 200


def may_change(key: str) -> bool:
    """Return whether the value of a dotted key may change within a run."""
    return any(key == part or key.startswith(f"{part}.") for part in CHANGEABLE)


def may_adjust(key: str, value: object) -> bool:
    """Return whether the value of a dotted key may be changed for the rest of a run.

    That is a value of ``ADJUSTABLE``, or a number of the game itself, such as the weight of a loss.
    """
    if value is not None and not isinstance(value, int | float | list | str):
        return False
    *parents, name = key.split(".")
    if parents == ["model"]:
        return (isinstance(value, int | float) and name not in SIZES) or name == "gradient_clip"
    is_code = name.startswith("_")
    return not is_code and any(key == part or key.startswith(f"{part}.") for part in ADJUSTABLE)


def fixed_settings(config: DictConfig) -> dict[str, Any]:
    """Return every value that may not change within a run, by its dotted key, references unresolved."""
    values = OmegaConf.to_container(run_folder.without_run_dir(config))
    assert isinstance(values, dict)
    parts = (flatten({name: part}) for name, part in values.items())
    settings = (setting for part in parts for setting in part)
    return {key: value for key, value in settings if not isinstance(value, dict) and not may_change(key)}


def describe_changes(now: Mapping[str, Any], then: Mapping[str, Any]) -> str:
    """Return a description of the settings that differ between two runs, empty if they are equal."""
    differing = [key for key in {**now, **then} if now.get(key) != then.get(key)]
    more = f"; and {len(differing) - SHOWN} more" if len(differing) > SHOWN else ""
    shown = [f"{short(key)}: {short(now.get(key))} against {short(then.get(key))}" for key in differing[:SHOWN]]
    return "; ".join(shown) + more


def short(value: object) -> str:
    """Return a value as one line, of which the end is left out if it is long, as in somebody else's checkpoint."""
    text = str(value)
    line = text if len(text) <= LONGEST else f"{text[:LONGEST]}…"
    return " ".join(printable(line).splitlines())
