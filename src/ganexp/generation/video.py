"""MP4 files of pictures, written by ffmpeg."""

import re
import signal
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from fractions import Fraction
from pathlib import Path

from PIL import Image

from ganexp.errors import UserError, one_line


def write_video(pictures: Iterator[Image.Image], path: Path, rate: float) -> None:
    """Write RGB pictures of one size as an MP4 file; raises UserError if ffmpeg is missing or fails."""
    first = even_sides(next(pictures))
    # Not by imageio_ffmpeg.write_frames, which does not tell that ffmpeg failed.
    with subprocess.Popen(command(first.size, path, rate), stdin=subprocess.PIPE, stderr=subprocess.PIPE) as ffmpeg:
        assert ffmpeg.stdin is not None
        # The end of ffmpeg says why it reads no more.
        with suppress(BrokenPipeError):
            ffmpeg.stdin.write(first.tobytes())
            for picture in pictures:
                ffmpeg.stdin.write(even_sides(picture).tobytes())
        said = ffmpeg.communicate()[1].decode(errors="replace")
    if ffmpeg.returncode != 0:
        raise UserError(f"out=….mp4: ffmpeg cannot write the video: {reason(said, ffmpeg.returncode)}")


def command(size: tuple[int, int], path: Path, rate: float) -> list[str]:
    """Return the command that turns RGB pictures (width, height) from its input into a video that players can show."""
    from imageio_ffmpeg import get_ffmpeg_exe

    try:
        program = get_ffmpeg_exe()
    except RuntimeError as error:
        raise UserError(f"out=….mp4: there is no ffmpeg: {one_line(error)}; choose .gif") from error
    given = ["-f", "rawvideo", "-pix_fmt", "rgb24", "-s", "{}x{}".format(*size), "-r", str(Fraction(rate))]
    return [program, "-v", "error", "-y", *given, "-i", "-", "-pix_fmt", "yuv420p", f"file:{path}"]


def reason(said: str, status: int) -> str:
    """Return why ffmpeg failed: the first line that it said, without the part of ffmpeg that did, else how it ended."""
    if lines := said.splitlines():
        return re.sub(r"^(\[[^]]*\] )+", "", lines[0])
    return f"ended by signal {-status} ({signal.strsignal(-status)})" if status < 0 else f"status {status}"


def even_sides(picture: Image.Image) -> Image.Image:
    """Return the picture with a white row or column added where a side is odd, which H.264 cannot store."""
    width, height = (side + side % 2 for side in picture.size)
    if (width, height) == picture.size:
        return picture
    canvas = Image.new("RGB", (width, height), "white")
    canvas.paste(picture)
    return canvas
