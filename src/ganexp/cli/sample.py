"""``ganexp sample run=DIR n=64 out=DIR``: images from a trained generator."""

from dataclasses import dataclass, field
from pathlib import Path

from ganexp.cli.arguments import HELP, parse, show_help
from ganexp.config import composition
from ganexp.config.rules import translates
from ganexp.errors import UserError
from ganexp.runs.run import saved_run


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
    truncation: float | None = field(
        default=None,
        metadata={"help": "keep the noise within this distance of 0, such as 0.5: less variety, often better"},
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
    run, out = saved_run(Path(wanted.run), wanted.trust), Path(wanted.out)
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"out={out}: cannot be written to: {error.strerror}") from error

    if translates(run.config):
        require_no_noise(wanted)
        from ganexp.generation.sample_translation import write_translations

        write_translations(run, wanted.n, out)
        return

    from ganexp.generation.sample import write_samples
    from ganexp.runs.model import load_model

    model = load_model(run, wanted.truncation)
    write_samples(model, wanted.n, wanted.seed, wanted.labels, out)


def require_no_noise(wanted: Arguments) -> None:
    """Raise UserError for what decides about images that are made from noise."""
    for name in ("labels", "truncation"):
        if getattr(wanted, name) is not None:
            raise UserError(f"{name}={getattr(wanted, name)}: this model makes images from images; leave it out")
