"""Animation of training: a run's sample grids in the order of the images seen."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from ganexp.data.unreadable import reason_of
from ganexp.errors import UserError
from ganexp.files.atomic import replaced_when_whole
from ganexp.files.pictures import open_picture

SAMPLES = "samples"


def animate(run: Path, out: Path, rate: float, most: int) -> None:
    """Write the grids of a run as an animation that shows ``rate`` of them in a second, and print what it has.

    Raises UserError if the run has fewer than two grids, or they cannot be read.
    """
    paths = evenly_chosen(grids(run), most)
    write = write_video if out.suffix == ".mp4" else write_animation
    with replaced_when_whole(out) as unfinished:
        write(frames(paths), unfinished, rate)
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
    """Write an endless animation in the format of the path's suffix."""
    first = next(pictures)
    settings: dict[str, Any] = {".webp": {"lossless": True}}.get(path.suffix, {})
    first.save(path, save_all=True, append_images=pictures, duration=round(1000 / rate), loop=0, **settings)


def write_video(pictures: Iterator[Image.Image], path: Path, rate: float) -> None:
    """Write an MP4 file by ffmpeg; raises UserError if the package for it is missing or fails."""
    try:
        from imageio_ffmpeg import write_frames
    except ImportError as error:
        raise UserError(
            "out=….mp4: videos need the package imageio-ffmpeg: pip install 'ganexp[video]'; or choose .gif"
        ) from error
    first = even_sides(next(pictures))
    video = write_frames(str(path), first.size, fps=rate, macro_block_size=1, ffmpeg_log_level="error")
    try:
        video.send(None)
        video.send(np.asarray(first).tobytes())
        for picture in pictures:
            video.send(np.asarray(even_sides(picture)).tobytes())
    except OSError as error:
        raise UserError(f"out=….mp4: ffmpeg failed: {reason_of(error)}; choose .gif") from error
    finally:
        video.close()


def even_sides(picture: Image.Image) -> Image.Image:
    """Return the picture with a white row or column added where a side is odd, which H.264 cannot store."""
    width, height = (side + side % 2 for side in picture.size)
    if (width, height) == picture.size:
        return picture
    canvas = Image.new("RGB", (width, height), "white")
    canvas.paste(picture)
    return canvas
