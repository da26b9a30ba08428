"""Checkpoint loading: tensors and plain values only, with a report of what does not fit the model."""

import pickle
import warnings
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn

from ganexp.callbacks.settings import settings_in
from ganexp.errors import UserError
from ganexp.files.checksums import require_checksums
from ganexp.files.untrusted import require_stored
from ganexp.game.module import COUNTERS
from ganexp.runs.fixed_settings import describe_changes
from ganexp.runs.run import Run


def load_checkpoint(path: Path) -> dict[str, Any]:
    """Return a checkpoint's contents, tensors and plain values only.

    Raises UserError if the file is damaged, is not a checkpoint of ganexp, or contains code.
    """
    try:
        with warnings.catch_warnings():
            # torch warns in several lines before it rejects a file that is not a checkpoint.
            warnings.simplefilter("ignore")
            require_stored(path)
            require_checksums(path)
            checkpoint = torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, zipfile.BadZipFile, RuntimeError, EOFError, ValueError, KeyError) as error:
        raise UserError(f"{path} is not an intact checkpoint of weights: it is damaged, or contains code") from error
    if not isinstance(checkpoint, dict) or COUNTERS not in checkpoint:
        raise UserError(f"{path} is not a checkpoint of ganexp")
    return checkpoint


def load_weights(model: nn.Module, run: Run) -> dict[str, Any]:
    """Load the weights of the run's checkpoint into its model, and return the checkpoint.

    Raises UserError naming the settings that differ or, if there are none, the tensors that do not fit.
    """
    assert run.checkpoint is not None
    contents = load_checkpoint(run.checkpoint)
    weights = contents["state_dict"]
    try:
        model.load_state_dict(weights)
    except RuntimeError as error:
        changes = describe_changes(*comparable(run.fixed, settings_in(contents) or {}))
        mismatch = changes or describe_mismatch(model.state_dict(), weights)
        raise UserError(f"{run.checkpoint} does not fit the model in config.yaml: {mismatch}") from error
    return contents


def comparable(now: Mapping[str, Any], then: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the settings in both that contain no reference, since a checkpoint stores references unresolved."""
    names = [name for name in now if name in then and "${" not in f"{now[name]}{then[name]}"]
    return {name: now[name] for name in names}, {name: then[name] for name in names}


def describe_mismatch(needed: Mapping[str, Any], given: Mapping[str, Any]) -> str:
    """Return a description of the weights that differ in name or shape."""
    shapes = [
        {name: tuple(value.shape) for name, value in weights.items() if hasattr(value, "shape")}
        for weights in (needed, given)
    ]
    return describe_changes(*shapes)
