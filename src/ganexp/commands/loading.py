"""Checkpoints read back: tensors and plain values only, and only into the network they came from."""

import pickle
import warnings
from pathlib import Path
from typing import Any

import torch
from torch import nn

from ganexp.errors import UserError
from ganexp.game import COUNTERS


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


def load_weights(model: nn.Module, checkpoint: Path) -> None:
    """Load a checkpoint's weights into the model.

    Raises UserError if they are another architecture's.
    """
    weights = load_checkpoint(checkpoint)["state_dict"]
    try:
        model.load_state_dict(weights)
    except RuntimeError as error:
        first = str(error).splitlines()[1].strip()
        raise UserError(f"{checkpoint} does not fit the model in config.yaml: {first}") from error
