"""``ganexp verify run=DIR``: whether a stop, or a second process, would change what the run learns."""

from dataclasses import dataclass, field, fields
from pathlib import Path

from ganexp.cli.arguments import HELP, parse, show_help
from ganexp.config import composition
from ganexp.errors import UserError
from ganexp.runs import run_folder
from ganexp.runs.overrides import check_saved, with_overrides


@dataclass
class Arguments:
    """Train a few batches with a run's own configuration, with and without a stop, and in one process and in two.

    What a resumed run may change can be given as well, such as trainer=cpu. The run itself is not touched.
    """

    run: str = field(default="???", metadata={"help": "the run's folder"})
    steps: int = field(default=6, metadata={"help": "batches before the stop, and as many after it"})
    ranks: int = field(default=2, metadata={"help": "processes to compare one with; 1 compares none"})
    trust: list[str] = field(
        default_factory=list, metadata={"help": "packages of yours that the run's configuration names"}
    )


def main(arguments: list[str]) -> None:
    """Make the checks and print a line for each."""
    if any(argument in HELP for argument in arguments):
        show_help(Arguments, "verify")
        return
    composition.register_resolvers()
    names = {each.name for each in fields(Arguments)}
    own = [argument for argument in arguments if "=" not in argument or argument.partition("=")[0] in names]
    wanted = parse(Arguments, own)
    for name in ("steps", "ranks"):
        if getattr(wanted, name) < 1:
            raise UserError(f"{name}={getattr(wanted, name)}: it must be 1 or more")
    config = run_folder.read_config(Path(wanted.run), wanted.trust)
    config = with_overrides(config, [argument for argument in arguments if argument not in own])
    check_saved(config)

    from ganexp.training.verify import verify

    verify(config, wanted.steps, wanted.ranks)
