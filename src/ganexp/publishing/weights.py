"""Weights of published models: the tensors of the players' networks and of their averages, in a safetensors file."""

from pathlib import Path
from typing import Any

from torch import Tensor

from ganexp.config.build import build
from ganexp.distributed import devices
from ganexp.errors import UserError, one_line
from ganexp.publishing.packages import installed
from ganexp.runs.checkpoint import describe_mismatch
from ganexp.runs.run import Run


def network_tensors(model: Any) -> dict[str, Tensor]:
    """Return the tensors of a game's networks and averages by their names in its state, without what only training
    needs, such as the past fakes of CycleGAN.
    """
    networks = [network for player in model.players() for network in (player.network, player.average)]
    modules = model.named_modules(remove_duplicate=False)
    prefixes = tuple(f"{name}." for name, module in modules if any(module is network for network in networks))
    state = model.state_dict().items()
    return {name: value for name, value in state if name.startswith(prefixes) and isinstance(value, Tensor)}


def save_weights(model: Any, path: Path) -> None:
    """Write the tensors of a game's networks."""
    torch_format = installed("safetensors.torch")
    # A tensor under two names would be refused, and so would a channels_last one.
    tensors = {name: value.detach().cpu().contiguous().clone() for name, value in network_tensors(model).items()}
    # Its own writer makes a file that only this user can read.
    path.write_bytes(torch_format.save(tensors, metadata={"format": "pt"}))


def load_published(run: Run) -> Any:
    """Return a published model on the fastest device, in evaluation mode.

    Raises UserError if the weights are damaged or do not fit.
    """
    torch_format = installed("safetensors.torch")
    model = build(run.config.model)
    assert run.checkpoint is not None
    try:
        weights = torch_format.load_file(run.checkpoint)
    except (installed("safetensors").SafetensorError, ValueError, KeyError) as error:
        raise UserError(f"{run.checkpoint} is not an intact safetensors file: {one_line(error)}") from error
    mismatch = describe_mismatch(network_tensors(model), weights)
    if mismatch:
        raise UserError(f"{run.checkpoint} does not fit the model in {run.folder}: {mismatch}")
    model.load_state_dict(weights, strict=False)
    return model.to(devices.select_device()).eval()
