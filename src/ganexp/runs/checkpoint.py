"""Checkpoint loading: tensors and plain values only, with a report of what does not fit the model."""

import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from ganexp.callbacks.settings import settings_in
from ganexp.errors import UserError, one_line
from ganexp.files.checkpoint_pickle import require_plain_pickle
from ganexp.files.checksums import require_checksums
from ganexp.files.plain_zip import require_plain_zip
from ganexp.files.saved_values import naming_checkpoint, unexpected
from ganexp.game.module import COUNTERS
from ganexp.runs.checkpoint_contents import kind, require_contents
from ganexp.runs.fixed_settings import describe_changes
from ganexp.runs.run import Run


def load_checkpoint(path: Path) -> dict[str, Any]:
    """Return a checkpoint's contents, tensors and plain values only.

    Raises UserError if the file is damaged, is not a checkpoint of ganexp, or contains code, and naming the first value
    that is not what its readers need.
    """
    try:
        with warnings.catch_warnings():
            # torch warns in several lines before it rejects a file that is not a checkpoint.
            warnings.simplefilter("ignore")
            require_plain_zip(path)
            require_checksums(path)
            require_plain_pickle(path)
            checkpoint = torch.load(path, map_location="cpu", weights_only=True)
    except OSError:
        raise
    # A malformed pickle makes torch fail in any way.
    except Exception as error:
        raise UserError(f"{path} is not an intact checkpoint of weights: it is damaged, or contains code") from error
    if not isinstance(checkpoint, dict) or COUNTERS not in checkpoint:
        raise UserError(f"{path} is not a checkpoint of ganexp")
    with naming_checkpoint(path):
        require_contents(checkpoint, path.stat().st_size)
    return checkpoint


def load_weights(model: nn.Module, run: Run) -> dict[str, Any]:
    """Load the weights of the run's checkpoint into its model, and return the checkpoint.

    Raises UserError naming the settings that differ or, if there are none, the tensors that do not fit.
    """
    assert run.checkpoint is not None
    contents = load_checkpoint(run.checkpoint)
    weights = contents["state_dict"]
    with naming_checkpoint(run.checkpoint):
        require_kinds(model.state_dict(), weights)
    try:
        with naming_checkpoint(run.checkpoint):
            model.load_state_dict(weights)
    # A module of the user's, given a state of its own that is not a tensor.
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise UserError(f"{run.checkpoint} is not a checkpoint of ganexp's: state_dict: {one_line(error)}") from error
    except RuntimeError as error:
        changes = describe_changes(*comparable(run.fixed, settings_in(contents) or {}))
        mismatch = changes or describe_mismatch(model.state_dict(), weights)
        raise UserError(f"{run.checkpoint} does not fit the model in config.yaml: {mismatch}") from error
    return contents


def require_kinds(needed: Mapping[str, Any], given: Mapping[str, Any]) -> None:
    """Raise NotACheckpoint unless the weights that both have are tensors with the same kind of numbers."""
    for name, tensor in needed.items():
        value = given.get(name, tensor)
        if isinstance(tensor, Tensor) and not (isinstance(value, Tensor) and kind(value) == kind(tensor)):
            raise unexpected(f"state_dict.{name}", value, f"a tensor of {kind(tensor)} numbers")


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
