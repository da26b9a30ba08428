"""Command ``ganexp sample run=DIR n=64 out=DIR``: images from a trained generator."""

import shlex
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf

from ganexp.cli.arguments import HELP, parse, show_help
from ganexp.config import composition
from ganexp.config.conditions import translates
from ganexp.errors import UserError
from ganexp.files.atomic import make_folder
from ganexp.publishing.layout import is_published
from ganexp.publishing.trained_run import trained_run
from ganexp.runs.class_names import attribute_sets, class_names_of, class_numbers
from ganexp.runs.run import Run


@dataclass
class Arguments:
    """Write images from a trained generator, and a grid of them."""

    run: str = field(default="???", metadata={"help": "the run's folder, a published folder or hf://owner/name"})
    out: str = field(default="???", metadata={"help": "the folder to write to"})
    n: int = field(default=64, metadata={"help": "number of images"})
    seed: int = field(default=0, metadata={"help": "seed of the noise"})
    labels: list[Any] | None = field(
        default=None,
        metadata={
            "help": "classes, repeated in order, such as [3,3,7] or [cat,dog], or sets of attributes, such as "
            "[Smiling+Male,none]; for conditional models"
        },
    )
    codes: list[int] | None = field(
        default=None,
        metadata={"help": "categories that infogan found by itself, repeated in order, such as [3,3,7]"},
    )
    by_class: bool = field(
        default=False,
        metadata={"help": "write into a subfolder for each class, by default of all classes in turn"},
    )
    truncation: float | None = field(
        default=None,
        metadata={
            "help": "truncate the noise at this distance from 0, such as 0.5: less variety, often better quality; of "
            "stylegan2 the share of the styles' distance from their mean that is left"
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
    run, out = trained_run(options.run, options.trust, groups=()), Path(options.out)
    if translates(run.config):
        require_no_noise(options)
        require_test_images(run, options)
    make_folder(out)
    if earlier := sum(path.stem.isdecimal() for path in out.rglob("*") if path.is_file()):
        print(
            f"{out} has {earlier} samples already: those that are not replaced stay, and count in evaluate fake={out}"
        )

    if translates(run.config):
        from ganexp.generation.sample_translation import write_translations

        write_translations(run, options.n, out)
        return

    names = class_names_of(run)
    has_attributes = bool(OmegaConf.select(run.config, "model.attributes"))
    if has_attributes and options.by_class:
        raise UserError("by_class=true: this model has attributes, not classes; leave it out")
    read = attribute_sets if has_attributes else class_numbers
    labels = None if options.labels is None else read(options.labels, names)

    from ganexp.generation.image_files import ImageFiles
    from ganexp.generation.sample import write_samples
    from ganexp.runs.model import load_model
    from ganexp.runs.value_range import value_range_of

    files, model = ImageFiles(value_range_of(run)), load_model(run, options.truncation)
    write_samples(model, options.n, options.seed, labels, out, names, options.by_class, files, options.codes)


def require_test_images(run: Run, options: Arguments) -> None:
    """Raise UserError for a published model, which comes without the test images that are translated as samples."""
    if is_published(run):
        trust = [f"trust={','.join(options.trust)}"] if options.trust else []
        places = [f"run={options.run}", "input=FOLDER", f"out={options.out}"]
        command = shlex.join(["python", "-m", "ganexp", "translate", *places, *trust])
        raise UserError(f"run={options.run}: a published model has no test images; translate your own: {command}")


def require_no_noise(options: Arguments) -> None:
    """Raise UserError for options that apply only to images generated from noise."""
    for name in ("labels", "codes", "truncation", "by_class"):
        if getattr(options, name) not in (None, False):
            raise UserError(
                f"{name}={getattr(options, name)}: this model translates images, without noise or labels; leave it out"
            )
