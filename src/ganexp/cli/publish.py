"""Command ``ganexp publish run=DIR to=FOLDER``: a trained model in the Hugging Face Hub's layout, or on the Hub."""

import re
from dataclasses import dataclass, field
from pathlib import Path

from ganexp.cli.arguments import HELP, parse, show_help
from ganexp.config import composition
from ganexp.config.checks import check_checkpoint
from ganexp.errors import UserError
from ganexp.publishing.layout import hub_name, is_hub_name
from ganexp.runs.run import saved_run

LICENSE = re.compile(r"[\w.+-]+")


@dataclass
class Arguments:
    """Publish a trained model: weights, configuration, scores, samples and a model card, for ganexp.load in Python."""

    run: str = field(default="???", metadata={"help": "the run's folder"})
    to: str = field(
        default="???", metadata={"help": "a new folder, or hf://owner/name to upload it to the Hugging Face Hub"}
    )
    checkpoint: str = field(default="last", metadata={"help": "last or best"})
    license: str | None = field(
        default=None, metadata={"help": "the model's licence for its card, as the Hub names it, such as mit"}
    )
    private: bool = field(default=False, metadata={"help": "whether a new model of the Hub is private"})
    trust: list[str] = field(
        default_factory=list,
        metadata={"help": "code that the run's configuration may name, such as my_losses.Smoothed"},
    )


def main(arguments: list[str]) -> None:
    """Publish the model."""
    if any(argument in HELP for argument in arguments):
        show_help(Arguments, "publish")
        return
    composition.register_resolvers()
    options = parse(Arguments, arguments)
    check_checkpoint(options.checkpoint)
    if options.license is not None and LICENSE.fullmatch(options.license) is None:
        raise UserError(f"license={options.license}: give the Hub's name of a licence, such as mit or cc-by-4.0")
    require_place(options.to)
    run = saved_run(Path(options.run), options.trust, options.checkpoint, groups=())

    from ganexp.publishing.publish import publish

    publish(run, options.to, options.license, options.private)


def require_place(to: str) -> None:
    """Raise UserError unless ``to`` is a name of the Hub, or a folder that is missing or empty."""
    if is_hub_name(to):
        hub_name(to)
        return
    folder = Path(to)
    if folder.exists() and not (folder.is_dir() and not any(folder.iterdir())):
        raise UserError(f"to={to}: exists already; choose a new folder, or hf://owner/name for the Hub")
