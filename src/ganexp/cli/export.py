"""Command ``ganexp export run=DIR out=FILE``: a trained network as a file that works without ganexp."""

import math
from dataclasses import dataclass, field
from pathlib import Path

from ganexp.cli.arguments import HELP, parse, show_help
from ganexp.config import composition
from ganexp.config.checks import check_checkpoint
from ganexp.errors import UserError
from ganexp.export.suffixes import require_writable
from ganexp.publishing.trained_run import trained_run

CHOICES = {
    "network": ("generator", "discriminator", "encoder"),
    "weights": ("average", "live"),
    "direction": (None, "a2b", "b2a"),
    "dropout": ("evaluation", "off"),
}


INAPPLICABLE = {
    "discriminator": (
        ("weights", "truncation"),
        "weights= and truncation= apply to the generator alone; leave them out",
    ),
    "encoder": (
        ("direction", "truncation"),
        "direction= and truncation= do not apply to an encoder; leave them out",
    ),
}
"""Settings that a network does not have, and the line that says so."""


@dataclass
class Arguments:
    """Export a trained network to a file that works without ganexp, checked against the model on 8 inputs."""

    run: str = field(default="???", metadata={"help": "the run's folder, a published folder or hf://owner/name"})
    out: str = field(
        default="???",
        metadata={"help": "the file: .safetensors (weights), .onnx, or .pt2 (torch.export)"},
    )
    network: str = field(default="generator", metadata={"help": "generator, discriminator or encoder"})
    weights: str = field(
        default="average", metadata={"help": "average (the generator's moving average, if it has one) or live"}
    )
    direction: str | None = field(
        default=None, metadata={"help": "for translation: a2b or b2a (default: the model's first)"}
    )
    truncation: bool | None = field(
        default=None,
        metadata={
            "help": "true: an input for the truncation of the noise, for which batch norms get standing statistics; "
            "false: none (default: where that changes no statistics)"
        },
    )
    dropout: str = field(
        default="evaluation",
        metadata={"help": "evaluation (fixed masks, and with them a fixed image size, where it stays on) or off"},
    )
    checkpoint: str = field(default="last", metadata={"help": "last or best"})
    tolerance: float = field(default=1e-4, metadata={"help": "largest difference from the model's outputs"})
    overwrite: bool = field(default=False, metadata={"help": "replace an existing file"})
    trust: list[str] = field(
        default_factory=list,
        metadata={"help": "code that the run's configuration may name, such as my_losses.Smoothed"},
    )


def main(arguments: list[str]) -> None:
    """Export the network."""
    if any(argument in HELP for argument in arguments):
        show_help(Arguments, "export")
        return
    composition.register_resolvers()
    options = parse(Arguments, arguments)
    check(options)
    out = Path(options.out)
    require_writable(out, options.overwrite)
    run = trained_run(options.run, options.trust, options.checkpoint, groups=())

    from ganexp.export.export import Choices, export_run

    choices = Choices(
        options.network,
        options.weights == "live",
        options.direction,
        options.truncation,
        options.dropout == "evaluation",
    )
    export_run(run, choices, out, options.tolerance)


def check(options: Arguments) -> None:
    """Raise UserError for invalid choices."""
    check_checkpoint(options.checkpoint)
    for name, possible in CHOICES.items():
        if getattr(options, name) not in possible:
            names = ", ".join(choice for choice in possible if choice is not None)
            raise UserError(f"{name}={getattr(options, name)}: choose one of {names}")
    if not (math.isfinite(options.tolerance) and options.tolerance > 0):
        raise UserError(f"tolerance={options.tolerance}: it must be a finite number above 0, for example 1e-4")
    settings, reason = INAPPLICABLE.get(options.network, ((), ""))
    if any(getattr(options, name) != getattr(Arguments, name) for name in settings):
        raise UserError(reason)
