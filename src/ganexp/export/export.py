"""Export of a run's network to a file that works without ganexp."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf
from torch import nn

from ganexp import __version__
from ganexp.config import composition
from ganexp.errors import UserError
from ganexp.export import onnx_file, pt2_file, safetensors_file
from ganexp.export.check import INPUTS, expected, largest_difference
from ganexp.export.formats import Format
from ganexp.export.portable import (
    Portable,
    portable_discriminator,
    portable_encoder,
    portable_generator,
    portable_translator,
)
from ganexp.files.atomic import replaced_when_whole
from ganexp.game.module import COUNTERS
from ganexp.generation.translate import OPPOSITE, resolve_direction
from ganexp.image_size import ImageSize
from ganexp.metrics.extractor import qualified_name
from ganexp.numerics.flags import full_precision
from ganexp.publishing import layout
from ganexp.runs.checkpoint import load_checkpoint
from ganexp.runs.class_names import class_names_of
from ganexp.runs.input_channels import input_channels_of
from ganexp.runs.model import load_model, takes_attributes
from ganexp.runs.run import Run
from ganexp.runs.value_range import ranges_of, value_range_of

FORMATS: dict[str, Format] = {".safetensors": safetensors_file, ".onnx": onnx_file, ".pt2": pt2_file}
PIXELS = "round((value + 1) * 127.5) is a pixel's value, 0 to 255"
UNITS = "(value + 1) / 2 * (high - low) + low is in the data's units, value_range being [low, high]"


@dataclass(frozen=True)
class Choices:
    """What of a run is exported: a network, its weights, and how it behaves."""

    network: str = "generator"
    live: bool = False
    direction: str | None = None
    truncation: bool | None = None
    dropout: bool = True


@full_precision()
def export_run(run: Run, choices: Choices, out: Path, tolerance: float) -> None:
    """Export a run's network to ``out``, check the file against the model and print what it holds.

    Raises UserError, leaving no file, if the network cannot be exported or differs by more than ``tolerance``.
    """
    model = load_model(run).cpu()
    portable = chosen(model, run, choices)
    description = {**described(model, run, choices, portable), "tolerance": tolerance}
    difference = write_checked(portable, description, out, tolerance)
    show(portable, description, out, difference, tolerance)


def chosen(model: Any, run: Run, choices: Choices) -> Portable:
    """Return the network to export; raises UserError for one that the model does not have."""
    channels, size = int(run.config.data.channels), ImageSize.of(run.config.data.image_size)
    direction = model_direction(model, run, choices)
    if choices.network == "encoder" and not hasattr(model, "encode"):
        raise UserError(f"network=encoder: {type(model).__name__} has none; leave it out")
    if choices.network == "discriminator":
        judges = discriminator_of(model, direction)
        if direction is None:
            return portable_discriminator(model, judges, channels, size)
        given, made = (input_channels_of(run.config.data, name) for name in (direction, OPPOSITE[direction]))
        return portable_discriminator(model, judges, made, size, given)
    if direction is not None:
        if choices.truncation is not None:
            raise UserError(f"truncation={choices.truncation}: this model translates images and takes no noise")
        if choices.live:
            model.average = None
        inputs, made = (input_channels_of(run.config.data, name) for name in (direction, OPPOSITE[direction]))
        return portable_translator(model, direction, inputs, size, choices.dropout, made)
    if choices.live:
        model.sampler.average = None
    if choices.network == "encoder":
        return portable_encoder(model, channels, size)
    return portable_generator(model, choices.truncation)


def model_direction(model: Any, run: Run, choices: Choices) -> str | None:
    """Return the model's own name of the direction to export; None for a model that draws images from noise."""
    if not hasattr(model, "translator") and choices.direction is None:
        return None
    return resolve_direction(model, choices.direction, trained_direction(run))


def trained_direction(run: Run) -> str:
    """Return the direction between the data's A and B that a run was trained for."""
    return str(OmegaConf.select(run.config, "data.direction", default="a2b"))


def discriminator_of(model: Any, direction: str | None) -> nn.Module:
    """Return the discriminator of the domain that a direction translates to; raises UserError if there is none."""
    if direction is not None and hasattr(model, "discriminators"):
        domain: nn.Module = model.discriminators[direction[-1]]
        return domain
    if not hasattr(model, "discriminator"):
        raise UserError(f"network=discriminator: {type(model).__name__} has none; leave it out")
    network: nn.Module = model.discriminator
    return network


def described(model: Any, run: Run, choices: Choices, portable: Portable) -> dict[str, Any]:
    """Return the description that is written into the file, in values that JSON has."""
    config = composition.resolve(run.config)
    direction = model_direction(model, run, choices)
    about: dict[str, Any] = {
        "ganexp": __version__,
        "model": qualified_name(type(model)),
        "network": choices.network,
        "class": qualified_name(type(portable.network)),
        "config": config["model"].get(choices.network),
        "mode": "evaluation",
        **portable.facts,
        "inputs": [source.port.described() for source in portable.inputs],
        "outputs": [port.described() for port in portable.outputs],
        **units(run, direction),
        "images_seen": images_seen(run),
    }
    if takes_attributes(model):
        about["attributes"] = class_names_of(run)
    if hasattr(model, "translator"):
        assert direction is not None
        about["direction"] = direction if trained_direction(run) == "a2b" else OPPOSITE[direction]
    return about


def units(run: Run, direction: str | None) -> dict[str, Any]:
    """Return what values in [-1, 1] are: pixels, or with a range of values numbers in the data's units."""
    given, made = (None, value_range_of(run)) if direction is None else ranges_of(run, direction)
    if made is None:
        return {"pixels": PIXELS}
    return {"units": UNITS, "value_range": list(made), **({} if given is None else {"input_value_range": list(given)})}


def images_seen(run: Run) -> int | None:
    """Return the number of real images that a network was trained on, None where a published model does not say."""
    if layout.is_published(run):
        return layout.images_seen(run)
    assert run.checkpoint is not None
    seen: int = load_checkpoint(run.checkpoint)[COUNTERS]["images_seen"]
    return seen


def write_checked(portable: Portable, description: dict[str, Any], out: Path, tolerance: float) -> float:
    """Write the file, atomically and only if it computes what the model does; return the largest difference.

    Raises OSError naming the file if it cannot be written, and UserError if it differs by more than ``tolerance``.
    """
    form = FORMATS[out.suffix]
    expected(portable, portable.example(0))
    with replaced_when_whole(out) as unfinished:
        form.write(portable, description, unfinished)
        difference = largest_difference(portable, form.read(portable, unfinished))
        # NaN is no difference that is small enough.
        if not difference <= tolerance:
            raise UserError(
                f"out={out}: the file's outputs differ from the model's by {difference:.1e} on {INPUTS} inputs, more "
                f"than tolerance={tolerance:g}; no file was written"
            )
    return difference


def show(portable: Portable, description: dict[str, Any], out: Path, difference: float, tolerance: float) -> None:
    """Print what the file holds, and how well it agrees with the model."""
    print(f"{out}: {description['network']}{weights_text(description)}, {out.stat().st_size / 1e6:,.1f} MB")
    for source in portable.inputs:
        print(f"  input   {source.port}: {source.port.values}")
    for port in portable.outputs:
        print(f"  output  {port}: {port.values}")
    if description.get("attributes"):
        print(f"  attributes: {', '.join(description['attributes'])}")
    for name in ("batch_norm", "dropout"):
        if description[name] != "none":
            print(f"  {name.replace('_', ' ')}: {description[name]}")
    print(f"largest difference from the model on {INPUTS} inputs: {difference:.1e} (at most {tolerance:g})")


def weights_text(description: dict[str, Any]) -> str:
    """Return the weights of a network in brackets, moving average or live; empty for one that has only its own."""
    if description["network"] == "discriminator":
        return ""
    return f" ({description.get('average', 'live weights')})"
