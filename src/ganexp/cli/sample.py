"""Command ``ganexp sample run=DIR n=64 out=DIR``: images from a trained generator."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ganexp.cli.arguments import HELP, parse, show_help
from ganexp.config import composition
from ganexp.config.rules import translates
from ganexp.errors import UserError
from ganexp.runs.class_names import class_numbers, read_class_names
from ganexp.runs.run import saved_run


@dataclass
class Arguments:
    """Write images from a trained generator, and a grid of them."""

    run: str = field(default="???", metadata={"help": "the run's folder"})
    out: str = field(default="???", metadata={"help": "the folder to write to"})
    n: int = field(default=64, metadata={"help": "number of images"})
    seed: int = field(default=0, metadata={"help": "seed of the noise"})
    labels: list[Any] | None = field(
        default=None,
        metadata={"help": "classes, repeated in order, such as [3,3,7] or [cat,dog]; for conditional models"},
    )
    by_class: bool = field(
        default=False,
        metadata={"help": "write into a subfolder for each class, by default of all classes in turn"},
    )
    truncation: float | None = field(
        default=None,
        metadata={
            "help": "truncate the noise at this distance from 0, such as 0.5: less variety, often better quality"
        },
    )
    trust: list[str] = field(
        default_factory=list,
        metadata={"help": "code that the run's configuration may name, such as my_losses.Smoothed"},
    )


def main(arguments: list[str]) -> None:
    """Write the images."""
    if any(argument in HELP for argument in arguments):
        show_help(Arguments, "sample")
        return
    composition.register_resolvers()
    options = parse(Arguments, arguments)
    if options.n < 1:
        raise UserError(f"n={options.n}: it must be 1 or more")
    run, out = saved_run(Path(options.run), options.trust, groups=()), Path(options.out)
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"out={out}: cannot be written to: {error.strerror}") from error

    if translates(run.config):
        require_no_noise(options)
        from ganexp.generation.sample_translation import write_translations

        write_translations(run, options.n, out)
        return

    names = read_class_names(run.folder)
    labels = None if options.labels is None else class_numbers(options.labels, names)

    from ganexp.generation.image_files import ImageFiles
    from ganexp.generation.sample import write_samples
    from ganexp.runs.model import load_model
    from ganexp.runs.value_range import value_range_of

    files, model = ImageFiles(value_range_of(run)), load_model(run, options.truncation)
    write_samples(model, options.n, options.seed, labels, out, names, options.by_class, files)


def require_no_noise(options: Arguments) -> None:
    """Raise UserError for options that apply only to images generated from noise."""
    for name in ("labels", "truncation", "by_class"):
        if getattr(options, name) not in (None, False):
            raise UserError(
                f"{name}={getattr(options, name)}: this model translates images, without noise or labels; leave it out"
            )
