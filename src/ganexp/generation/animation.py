"""Animation of training: a run's sample grids in the order of the images seen."""

import struct
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from PIL import Image

from ganexp.data.unreadable import reason_of
from ganexp.errors import UserError
from ganexp.files.atomic import replaced_when_whole
from ganexp.files.pictures import open_picture
from ganexp.generation.video import write_video

SAMPLES = "samples"
LARGEST_SIDES = {".gif": 65_535, ".webp": 16_383}
LONGEST_OF_GIF = 655.35
"""The seconds that a GIF can show a picture."""


def animate(run: Path, out: Path, rate: float, most: int) -> None:
    """Write the grids of a run as an animation that shows ``rate`` of them in a second, and print what it has.

    Raises UserError if the run has fewer than two grids, or they cannot be read.
    """
    paths = evenly_chosen(grids(run), most)
    with replaced_when_whole(out) as unfinished:
        write_pictures(frames(paths), unfinished, rate)
    first, last = int(paths[0].stem), int(paths[-1].stem)
    print(f"{out}: {len(paths):,} pictures, from {first:,} to {last:,} images seen, {rate:g} in a second")


def grids(run: Path) -> list[Path]:
    """Return the numbered sample grids of a run, by the number of images seen."""
    if not (run / SAMPLES).is_dir():
        raise UserError(f"run={run}: has no folder {SAMPLES}, where sample grids are")
    paths = sorted((path for path in (run / SAMPLES).glob("*.png") if path.stem.isdecimal()), key=lambda p: int(p.stem))
    if len(paths) < 2:
        raise UserError(
            f"run={run}: has {len(paths)} sample grids, and an animation needs two; "
            "callbacks.samples.every sets how many images apart they are"
        )
    return paths


def evenly_chosen(paths: Sequence[Path], most: int) -> list[Path]:
    """Return at most ``most`` of the paths, evenly spaced, with the first and the last."""
    if len(paths) <= most:
        return list(paths)
    return [paths[round(number * (len(paths) - 1) / (most - 1))] for number in range(most)]


def frames(paths: Sequence[Path]) -> Iterator[Image.Image]:
    """Yield the pictures in RGB, each of the first one's size; raises UserError for one that cannot be read."""
    size: tuple[int, int] | None = None
    for path in paths:
        try:
            with open_picture(path) as image:
                picture = image.convert("RGB")
        except Exception as error:  # Pillow can raise almost any exception on a broken file
            raise UserError(f"{path}: cannot be read: {reason_of(error)}") from error
        size = size or picture.size
        yield picture if picture.size == size else picture.resize(size, Image.Resampling.NEAREST)


def write_animation(pictures: Iterator[Image.Image], path: Path, rate: float) -> None:
    """Write an endless animation in the format of the path's suffix, .gif or .webp.

    Raises UserError for pictures that are too large for it or are shown for too long.
    """
    first = next(pictures)
    require_sides(first.size, path.suffix)
    # A GIF counts time in hundredths of a second, and Pillow would round down.
    milliseconds = 10 * round(100 / rate) if path.suffix == ".gif" else round(1000 / rate)
    settings: dict[str, Any] = {".webp": {"lossless": True}}.get(path.suffix, {})
    try:
        first.save(path, save_all=True, append_images=pictures, duration=milliseconds, loop=0, **settings)
    except struct.error as error:
        # Pillow writes equal pictures that follow each other as one, for the sum of their times.
        raise UserError(
            f"rate={rate:g}: equal pictures would be shown for more than the {LONGEST_OF_GIF:g} seconds that a GIF can "
            "hold; choose a higher rate, or .webp"
        ) from error


def require_sides(size: tuple[int, int], suffix: str) -> None:
    """Raise UserError for pictures (width, height) that are too large for a format."""
    largest = LARGEST_SIDES[suffix]
    if max(size) > largest:
        raise UserError(
            f"out=….{suffix[1:]}: the pictures are of {size[0]:,}x{size[1]:,} pixels, and this format has at most "
            f"{largest:,} on a side; callbacks.samples.rows sets the size of the grids"
        )


WRITERS = {".gif": write_animation, ".webp": write_animation, ".mp4": write_video}


def write_pictures(pictures: Iterator[Image.Image], path: Path, rate: float) -> None:
    """Write pictures in the format of the path's suffix, ``rate`` in a second; raises UserError as its writer does."""
    WRITERS[path.suffix](pictures, path, rate)
