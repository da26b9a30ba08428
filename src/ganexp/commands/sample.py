"""``ganexp sample run=DIR n=64 out=DIR``: images from a trained generator."""

from dataclasses import dataclass, field
from pathlib import Path

from ganexp import composition, run_folder
from ganexp.arguments import HELP, parse, show_help
from ganexp.commands.trust import require_trusted
from ganexp.errors import UserError


@dataclass
class Arguments:
    """Write images, and a grid of them, from a trained generator."""

    run: str = field(default="???", metadata={"help": "the run's folder"})
    out: str = field(default="???", metadata={"help": "the folder to write to"})
    n: int = field(default=64, metadata={"help": "how many"})
    seed: int = field(default=0, metadata={"help": "of the noise"})
    labels: list[int] | None = field(
        default=None, metadata={"help": "classes in turn, such as [3,3,7]; for conditional models"}
    )
    trust: list[str] = field(
        default_factory=list, metadata={"help": "packages of yours that the run's configuration names"}
    )


def main(arguments: list[str]) -> None:
    """Write the images."""
    if any(argument in HELP for argument in arguments):
        show_help(Arguments, "sample")
        return
    composition.register_resolvers()
    wanted = parse(Arguments, arguments)
    if wanted.n < 1:
        raise UserError(f"n={wanted.n}: it must be 1 or more")
    folder, out = Path(wanted.run), Path(wanted.out)
    config = run_folder.read_config(folder)
    checkpoint = run_folder.last_checkpoint(folder)
    require_trusted(composition.plain(config), wanted.trust)
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"out={out}: cannot be written to: {error.strerror}") from error

    from ganexp.commands.sampling import write_samples

    write_samples(config, checkpoint, wanted.n, wanted.seed, wanted.labels, out)
