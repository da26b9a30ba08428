"""Command ``ganexp translate run=DIR input=FOLDER out=FOLDER``: image-to-image translation at any size."""

import sys
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from ganexp.cli.animate import require_animation_file
from ganexp.cli.arguments import HELP, parse, show_help
from ganexp.config import composition
from ganexp.config.checks import check_checkpoint
from ganexp.data.files.file_kinds import EXAMPLES
from ganexp.data.files.folders import ARRAY, arrays_below, images_below, left_out_text
from ganexp.errors import UserError
from ganexp.publishing.trained_run import trained_run

DIRECTIONS = ("a2b", "b2a")


@dataclass
class Arguments:
    """Translate images of any size with a trained image-to-image model; sizes and names are kept."""

    run: str = field(default="???", metadata={"help": "the run's folder, a published folder or hf://owner/name"})
    input: str = field(default="???", metadata={"help": "the folder of images, pictures or .npy arrays, or one image"})
    out: str = field(
        default="???",
        metadata={
            "help": "the folder to write to; JPEG, GIF and others that lose colours are written as NAME.png, or as "
            "NAME.jpg.png if several inputs are called NAME; arrays as arrays in the data's units"
        },
    )
    direction: str | None = field(
        default=None, metadata={"help": "a2b or b2a, with A and B as in the data (default: the model's first)"}
    )
    checkpoint: str = field(default="last", metadata={"help": "last or best"})
    tile: int = field(
        default=1024,
        metadata={"help": "tile size in pixels; images with longer sides are translated in overlapping tiles"},
    )
    drive: str | None = field(
        default=None,
        metadata={
            "help": "model=head_avatar: the clip whose landmarks drive the picture: a folder of frames or a video with "
            "landmarks beside, or a file of landmarks; out is then a .gif, .webp or .mp4 file"
        },
    )
    landmarks: str | None = field(
        default=None, metadata={"help": "drive: the picture's landmarks (default: the .npy or .json file of its name)"}
    )
    rate: float = field(default=25.0, metadata={"help": "drive: frames in a second, 0.1 to 50"})
    alone: bool = field(default=False, metadata={"help": "drive: without the picture and the driving frame beside"})
    overwrite: bool = field(default=False, metadata={"help": "drive: replace an existing file"})
    trust: list[str] = field(
        default_factory=list,
        metadata={"help": "code that the run's configuration may name, such as my_losses.Smoothed"},
    )


def main(arguments: list[str]) -> None:
    """Translate the images."""
    if any(argument in HELP for argument in arguments):
        show_help(Arguments, "translate")
        return
    composition.register_resolvers()
    options = parse(Arguments, arguments)
    check_checkpoint(options.checkpoint)
    if options.direction not in (None, *DIRECTIONS):
        raise UserError(f"direction={options.direction}: choose one of {', '.join(DIRECTIONS)}")
    if options.tile < 1:
        raise UserError(f"tile={options.tile}: it must be 1 or more")
    if options.drive is not None:
        drive(options, Path(options.drive))
        return
    run = trained_run(options.run, options.trust, options.checkpoint, groups=())
    source, out = Path(options.input), Path(options.out)
    paths = images_at(source)
    require_separate(source, out)
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"out={out}: cannot be written to: {error.strerror}") from error

    from ganexp.generation.translate import translate_files

    top = source if source.is_dir() else source.parent
    translate_files(run, paths, top, out, options.direction, options.tile)


def drive(options: Arguments, clip: Path) -> None:
    """Animate one picture by the landmarks of a clip; raises UserError for settings that cannot be."""
    picture, out = Path(options.input), Path(options.out)
    require_animation_file(out, options.overwrite, options.rate)
    if not picture.is_file():
        raise UserError(f"input={picture}: drive animates one picture; give a picture of a person")
    if not clip.exists():
        raise UserError(f"drive={clip}: does not exist")
    if options.landmarks is not None and not Path(options.landmarks).is_file():
        raise UserError(f"landmarks={options.landmarks}: is not a file")
    run = trained_run(options.run, options.trust, options.checkpoint, groups=())

    from ganexp.generation.drive import drive_picture

    landmarks = None if options.landmarks is None else Path(options.landmarks)
    drive_picture(run, picture, landmarks, clip, out, options.rate, options.alone)


def images_at(source: Path) -> list[Path]:
    """Return the images in or below a folder, pictures and arrays, or the given image.

    Raises UserError if there are none.
    """
    if source.is_file():
        return [source]
    if not source.is_dir():
        raise UserError(f"input={source}: does not exist")
    left_out: Counter[str] = Counter()
    paths = [Path(path) for path in sorted([*images_below(source, left_out), *arrays_below(source)])]
    del left_out[ARRAY]
    if left_out:
        print(f"input={source}: left out, as these are no images: {left_out_text(left_out)}", file=sys.stderr)
    if not paths:
        raise UserError(f"input={source}: has no images ({EXAMPLES}) in it or below it")
    return paths


def require_separate(source: Path, out: Path) -> None:
    """Raise UserError if outputs would go among the inputs, and replace one of them or be translated next time."""
    target = out.resolve()
    if target.is_relative_to(source.resolve()) or (source.is_file() and target == source.resolve().parent):
        raise UserError(f"out={out}: is inside input={source}; choose a separate folder")
