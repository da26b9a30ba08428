"""Command ``ganexp verify run=DIR``: does resuming, or a second process, change the trained weights?"""

from dataclasses import dataclass, field, fields
from pathlib import Path

from ganexp.cli.arguments import HELP, parse, show_help
from ganexp.config import composition
from ganexp.errors import UserError
from ganexp.runs import run_folder
from ganexp.runs.overrides import check_saved, with_overrides


@dataclass
class Arguments:
    """Train a few batches with a run's configuration, with and without an interruption, in one process and in several.

    Settings that a resumed run may change can be given as well, such as trainer=cpu. The run itself is not modified.
    """

    run: str = field(default="???", metadata={"help": "the run's folder"})
    steps: int = field(default=6, metadata={"help": "batches before the interruption, and as many after it"})
    ranks: int = field(default=2, metadata={"help": "processes to compare with a single one; 1 skips this check"})
    trust: list[str] = field(
        default_factory=list,
        metadata={"help": "code that the run's configuration may name, such as my_losses.Smoothed"},
    )


def main(arguments: list[str]) -> None:
    """Run the checks and print a line for each."""
    if any(argument in HELP for argument in arguments):
        show_help(Arguments, "verify")
        return
    composition.register_resolvers()
    names = {field.name for field in fields(Arguments)}
    own = [argument for argument in arguments if "=" not in argument or argument.partition("=")[0] in names]
    options = parse(Arguments, own)
    for name in ("steps", "ranks"):
        if getattr(options, name) < 1:
            raise UserError(f"{name}={getattr(options, name)}: it must be 1 or more")
    config = run_folder.read_config(Path(options.run), options.trust)
    config = with_overrides(config, [argument for argument in arguments if argument not in own])
    check_saved(config)

    from ganexp.training.verify import verify

    verify(config, options.steps, options.ranks)
