"""Weights from a file: a checkpoint of ganexp, a .safetensors file, or the file of a public implementation."""

import pickle
import warnings
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ganexp.callbacks.settings import settings_in
from ganexp.errors import UserError, one_line
from ganexp.files.checkpoint_pickle import require_plain_file
from ganexp.files.safetensors import read_safetensors
from ganexp.files.saved_values import naming_checkpoint
from ganexp.game.module import COUNTERS
from ganexp.runs.checkpoint import load_checkpoint
from ganexp.runs.checkpoint_contents import require_contents
from ganexp.transfer import formats
from ganexp.transfer.settings import AVERAGED, CHECKPOINT, SAFETENSORS, InitialWeights

AVERAGE = "average.network."
ENCODER_AVERAGE = "encoder_average.network."
NETWORK_SETTINGS = ("model.generator._target_", "model.discriminator._target_")


@dataclass(frozen=True)
class Weights:
    """Tensors by name, and a few words on what they are.

    With ``whole_names`` a tensor's name is that of a game's ``state_dict``; otherwise it may be that within one of the
    game's networks. ``networks`` names the classes that a checkpoint was saved with, ``recipe`` the experiment whose
    networks a public format has.
    """

    tensors: Mapping[str, Tensor]
    description: str
    whole_names: bool = True
    networks: str = ""
    recipe: str | None = None


def read_weights(path: Path, settings: InitialWeights) -> Weights:
    """Return the weights of a file, tensors only.

    Raises UserError if the file is damaged, contains code, or contains anything but finite dense tensors.
    """
    if path.suffix == SAFETENSORS:
        weights = of_safetensors(path, settings.format)
    elif path.suffix == CHECKPOINT:
        weights = of_checkpoint(load_checkpoint(path), settings.weights)
    else:
        weights = of_torch_file(path, settings)
    require_plain(path, weights.tensors)
    return weights


def of_safetensors(path: Path, format_name: str | None) -> Weights:
    """Return the weights of a .safetensors file, under a game's own names or those of a public format."""
    try:
        tensors = read_safetensors(path)
    except (ValueError, OSError) as error:
        raise UserError(f"init={path} is not an intact .safetensors file: {one_line(error)}") from error
    return of_tensors(path, tensors, format_name)


def of_torch_file(path: Path, settings: InitialWeights) -> Weights:
    """Return the weights that torch.save wrote, in its current or its earlier format."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            require_plain_file(path)
            contents = torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, zipfile.BadZipFile, RuntimeError, EOFError, ValueError, LookupError) as error:
        raise UserError(f"init={path} is not an intact file of weights: it is damaged, or contains code") from error
    except (TypeError, AttributeError, MemoryError, OSError) as error:
        raise UserError(f"init={path} is not a file of weights: {one_line(error)}") from error
    if isinstance(contents, dict) and COUNTERS in contents:
        with naming_checkpoint(path):
            require_contents(contents, path.stat().st_size)
        return of_checkpoint(contents, settings.weights)
    if not isinstance(contents, dict) or not all(isinstance(name, str) for name in contents):
        raise UserError(f"init={path} holds no tensors by name: a state_dict is expected")
    return of_tensors(path, contents, settings.format)


def of_tensors(path: Path, tensors: Mapping[str, Any], format_name: str | None) -> Weights:
    """Return tensors by name as weights, renamed if they are those of a public format."""
    require_plain(path, tensors)
    public = formats.FORMATS[format_name] if format_name is not None else formats.recognized(tensors)
    if public is None:
        return Weights(tensors, "", whole_names=False)
    try:
        converted = public.convert(tensors, path.stem) if public.recognizes(tensors) else {}
    except (LookupError, RuntimeError, ValueError, TypeError):
        converted = {}
    if not converted:
        raise UserError(f"init={path} does not have the tensors of init.format={public.name}")
    return Weights(converted, f"of the format {public.name}", recipe=public.recipe)


def of_checkpoint(contents: Mapping[str, Any], selected: str) -> Weights:
    """Return the weights of a checkpoint's networks, the averaged ones in place of the live if selected."""
    state = contents["state_dict"]
    averages = {name.removeprefix(AVERAGE): value for name, value in state.items() if name.startswith(AVERAGE)}
    owner = owner_of(averages, state)
    tensors = {
        name: value for name, value in state.items() if isinstance(value, Tensor) and not name.startswith("average.")
    }
    words = ["live weights"]
    if selected == AVERAGED and owner is not None:
        tensors |= {f"{owner}.{name}": value for name, value in averages.items()}
        tensors |= {
            f"encoder.{name.removeprefix(ENCODER_AVERAGE)}": value
            for name, value in state.items()
            if name.startswith(ENCODER_AVERAGE) and isinstance(value, Tensor)
        }
        words = ["averaged weights of the generator"]
    words.append(f"{contents[COUNTERS]['images_seen']:,} images")
    return Weights(tensors, ", ".join(words), networks=", ".join(networks_in(contents)))


def owner_of(averages: Mapping[str, Any], state: Mapping[str, Any]) -> str | None:
    """Return the path of the network whose average a checkpoint has, None if it has none."""
    first = next(iter(averages), None)
    paths = [name.removesuffix(f".{first}") for name in state if name.endswith(f".{first}")] if first else []
    fitting = [path for path in paths if all(f"{path}.{name}" in state for name in averages)]
    return next((path for path in fitting if f"{path}." != AVERAGE), None)


def networks_in(contents: Mapping[str, Any]) -> list[str]:
    """Return the classes of the networks that a checkpoint was saved with, where it says so."""
    saved = settings_in(contents) or {}
    return [str(saved[key]) for key in NETWORK_SETTINGS if key in saved]


def require_plain(path: Path, tensors: Mapping[str, Any]) -> None:
    """Raise UserError naming the first value that is not a dense tensor of finite numbers."""
    for name, value in tensors.items():
        if not isinstance(value, Tensor) or value.layout is not torch.strided or value.device.type != "cpu":
            raise UserError(f"init={path}: {name} is not a dense tensor")
        # An expanded tensor stands for more numbers than the file holds.
        if value.numel() * value.element_size() > value.untyped_storage().nbytes():
            raise UserError(f"init={path}: {name} is not a dense tensor")
        if value.is_quantized or value.is_complex():
            raise UserError(f"init={path}: {name} has numbers of another type than weights")
        if value.is_floating_point() and not value.isfinite().all():
            raise UserError(f"init={path}: {name} has numbers that are not finite")
