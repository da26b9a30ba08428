"""Checkpoints read back: tensors and plain values only, and only into the network they came from."""

import pickle
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from omegaconf import DictConfig
from torch import nn

from ganexp.callbacks.settings import settings_in
from ganexp.errors import UserError
from ganexp.game.module import COUNTERS
from ganexp.runs.fixed_settings import changes, settings


def load_checkpoint(path: Path) -> dict[str, Any]:
    """Return a checkpoint's contents, tensors and plain values only.

    Raises UserError if the file is damaged, is not ganexp's, or holds code.
    """
    try:
        with warnings.catch_warnings():
            # torch's, of several lines, before it refuses a foreign file.
            warnings.simplefilter("ignore")
            checkpoint = torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError, ValueError, KeyError) as error:
        raise UserError(f"{path} is not a whole checkpoint of weights alone: it is damaged, or holds code") from error
    if not isinstance(checkpoint, dict) or COUNTERS not in checkpoint:
        raise UserError(f"{path} is not a checkpoint of ganexp's")
    return checkpoint


def load_weights(model: nn.Module, checkpoint: Path, config: DictConfig) -> dict[str, Any]:
    """Load a checkpoint's weights into the model that ``config`` describes, and return all of the checkpoint.

    Raises UserError naming the settings or, where they are not known, the tensors that do not fit.
    """
    contents = load_checkpoint(checkpoint)
    weights = contents["state_dict"]
    try:
        model.load_state_dict(weights)
    except RuntimeError as error:
        changed = changes(*alike(settings(config), settings_in(contents) or {}))
        told = changed or unfitting(model.state_dict(), weights)
        raise UserError(f"{checkpoint} does not fit the model in config.yaml: {told}") from error
    return contents


def alike(now: Mapping[str, Any], then: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the settings that both have and that refer to no other: a checkpoint keeps references as they are."""
    names = [name for name in now if name in then and "${" not in f"{now[name]}{then[name]}"]
    return {name: now[name] for name in names}, {name: then[name] for name in names}


def unfitting(needed: Mapping[str, Any], given: Mapping[str, Any]) -> str:
    """Return in words which weights differ in name or shape."""
    shapes = [
        {name: tuple(value.shape) for name, value in each.items() if hasattr(value, "shape")}
        for each in (needed, given)
    ]
    return changes(*shapes)
