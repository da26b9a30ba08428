"""Command ``ganexp data landmarks input=PLACE``: landmarks of faces, written where clips are read with them."""

from dataclasses import dataclass, field
from pathlib import Path

from ganexp.cli.arguments import HELP, parse, show_help
from ganexp.errors import UserError

CONTOURS = "contours"
POINTS = (CONTOURS, "all")


@dataclass
class Arguments:
    """Find the landmarks of the one face in each frame, for data=head_clips and translate drive=CLIP.

    They are found by MediaPipe: pip install 'ganexp[landmarks]'."""

    input: str = field(
        default="???",
        metadata={"help": "a picture, a video, a folder of frames, or a folder of people with their clips"},
    )
    out: str | None = field(
        default=None,
        metadata={"help": "the .npy file (default: landmarks.npy in a folder of frames, else that of the same name)"},
    )
    model: str | None = field(
        default=None,
        metadata={"help": "MediaPipe's face_landmarker.task (default: the model that MediaPipe 0.10.21 has in it)"},
    )
    points: str = field(
        default=CONTOURS,
        metadata={"help": "contours: 128 landmarks of lips, eyes, brows and the face's outline; or all 478"},
    )
    overwrite: bool = field(default=False, metadata={"help": "replace existing landmarks, which are kept otherwise"})


def main(arguments: list[str]) -> None:
    """Find and write the landmarks."""
    if any(argument in HELP for argument in arguments):
        show_help(Arguments, "data landmarks")
        return
    options = parse(Arguments, arguments)
    out = None if options.out is None else Path(options.out)
    if out is not None and (out.suffix != ".npy" or out.is_dir()):
        raise UserError(f"out={out}: the name of a .npy file is expected")
    if options.points not in POINTS:
        raise UserError(f"points={options.points}: {' or '.join(POINTS)} is expected")

    from ganexp.data.landmarks.detector import face_detector
    from ganexp.data.landmarks.finding import files_to_write, write_landmarks

    files = files_to_write(Path(options.input), out, options.overwrite)
    model = None if options.model is None else Path(options.model)
    with face_detector(model, options.points == CONTOURS) as detector:
        write_landmarks(files, detector)
