"""Model loading for inference."""

from pathlib import Path
from typing import Any

from omegaconf import DictConfig

from ganexp.config.build import build
from ganexp.distributed import devices
from ganexp.errors import UserError
from ganexp.files.safetensors import SUFFIX
from ganexp.numerics.bounded_tensors import BoundedTensors
from ganexp.runs.checkpoint import load_weights
from ganexp.runs.published_weights import load_published_weights
from ganexp.runs.run import Run

FEW_VALUES = 10**8
"""So many values any model may have, whatever the size of its checkpoint: not all that it makes is saved."""


def takes_attributes(model: Any) -> bool:
    """Return whether a model is conditioned on sets of attributes instead of classes."""
    return getattr(model, "attribute_sets", None) is not None


def build_model(config: DictConfig, checkpoint: Path | None) -> Any:
    """Return the untrained model of a configuration.

    Raises UserError if that, which may be a stranger's, describes far larger networks than the checkpoint has weights
    for.
    """
    if checkpoint is None:
        return build(config)
    most = max(checkpoint.stat().st_size, FEW_VALUES)
    with BoundedTensors(most, f"the configuration of {checkpoint}"):
        return build(config)


def load_model(run: Run, truncation: float | None = None) -> Any:
    """Return the trained model on the fastest device, in evaluation mode, its noise truncated if asked for.

    Raises UserError if the weights are damaged or do not fit, or the noise cannot be truncated.
    """
    model = build_model(run.config.model, run.checkpoint)
    if run.checkpoint is not None and run.checkpoint.suffix == SUFFIX:
        load_published_weights(model, run.checkpoint)
    else:
        load_weights(model, run)
    model = model.to(devices.select_device()).eval()
    if truncation is not None:
        truncate(model, truncation)
    return model


def truncate(model: Any, truncation: float) -> None:
    """Truncate the model's noise; raises UserError for a model without noise, or with noise that is not normal."""
    if not hasattr(model, "sampler"):
        raise UserError(f"truncation={truncation}: this model takes no noise; leave it out")
    try:
        model.sampler.truncate(truncation)
    except ValueError as error:
        raise UserError(str(error)) from error
