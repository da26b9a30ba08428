"""Command ``ganexp animate run=DIR out=FILE``: the sample grids of a run as an animation of its training."""

from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

from ganexp.cli.arguments import HELP, parse, show_help
from ganexp.config import composition
from ganexp.errors import UserError
from ganexp.files.atomic import require_new_file

PACKAGES = {".gif": "PIL", ".webp": "PIL", ".mp4": "imageio_ffmpeg"}
"""What writes a format, by suffix."""
SLOWEST, FASTEST = 0.1, 50
"""Pictures in a second; many programs show faster GIFs slower."""


@dataclass
class Arguments:
    """Write an animation of training from the run's sample grids, without loading the model."""

    run: str = field(default="???", metadata={"help": "the run's folder"})
    out: str = field(
        default="???",
        metadata={"help": "the file: .gif, .webp, or .mp4 (which needs pip install 'ganexp[video]')"},
    )
    rate: float = field(default=5.0, metadata={"help": "pictures in a second, 0.1 to 50"})
    most: int = field(default=200, metadata={"help": "largest number of pictures, evenly chosen from all"})
    overwrite: bool = field(default=False, metadata={"help": "replace an existing file"})


def main(arguments: list[str]) -> None:
    """Write the animation."""
    if any(argument in HELP for argument in arguments):
        show_help(Arguments, "animate")
        return
    composition.register_resolvers()
    options = parse(Arguments, arguments)
    out = Path(options.out)
    require_animation_file(out, options.overwrite, options.rate)
    if options.most < 2:
        raise UserError(f"most={options.most}: it must be 2 or more")

    from ganexp.generation.animation import animate

    animate(Path(options.run), out, options.rate, options.most)


def require_animation_file(out: Path, overwrite: bool, rate: float) -> None:
    """Raise UserError for a file that could not be written, or is not to be replaced, and for another rate."""
    if out.suffix not in PACKAGES:
        raise UserError(f"out={out}: the suffix selects the format; choose one of {', '.join(PACKAGES)}")
    require_new_file(out, overwrite, "training.gif")
    if not SLOWEST <= rate <= FASTEST:
        raise UserError(f"rate={rate:g}: it must be from {SLOWEST} to {FASTEST} pictures in a second")
    if find_spec(PACKAGES[out.suffix]) is None:
        raise UserError(
            f"out={out}: videos need the package imageio-ffmpeg: pip install 'ganexp[video]'; or choose .gif"
        )
