"""Weights of a published model: the tensors of the players' networks and of their averages, in a safetensors file."""

from pathlib import Path
from typing import Any

from torch import Tensor

from ganexp.errors import UserError, one_line
from ganexp.files.safetensors import read_safetensors
from ganexp.runs.checkpoint import describe_mismatch


def network_tensors(model: Any) -> dict[str, Tensor]:
    """Return the tensors of a game's networks and averages by their names in its state.

    What only training needs, such as the past fakes of CycleGAN, is left out.
    """
    players = [*model.players(), *model.resting_players()]
    averages = [player.average.network for player in players if player.average is not None]
    networks = [*(player.network for player in players), *averages]
    modules = model.named_modules(remove_duplicate=False)
    prefixes = tuple(f"{name}." for name, module in modules if any(module is network for network in networks))
    state = model.state_dict().items()
    return {name: value for name, value in state if name.startswith(prefixes) and isinstance(value, Tensor)}


def load_published_weights(model: Any, path: Path) -> None:
    """Load the weights of a published model; raises UserError if they are damaged or do not fit."""
    try:
        weights = read_safetensors(path)
    except ValueError as error:
        raise UserError(f"{path} is not an intact safetensors file: {one_line(error)}") from error
    mismatch = describe_mismatch(network_tensors(model), weights)
    if mismatch:
        raise UserError(f"{path} does not fit the model in {path.parent}: {mismatch}")
    model.load_state_dict(weights, strict=False)
