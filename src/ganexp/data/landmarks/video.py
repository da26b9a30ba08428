"""Frames of video files, read one after the other by ffmpeg."""

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from ganexp.data.unreadable import reason_of
from ganexp.errors import UserError

SUFFIXES = (".mp4", ".mov", ".m4v", ".webm", ".mkv", ".avi")
LARGEST_SIDE = 8192


def is_video(path: str | os.PathLike[str]) -> bool:
    """Return whether a file's name is that of a video."""
    return Path(path).suffix.lower() in SUFFIXES and not Path(path).name.startswith(".")


def video_frames(path: Path) -> Iterator[np.ndarray]:
    """Yield the frames of a video, uint8 (H, W, 3), upright.

    Raises UserError if the package that reads videos is missing, or the file cannot be read.
    """
    try:
        from imageio_ffmpeg import read_frames
    except ImportError as error:
        raise UserError(
            f"{path}: videos need the package imageio-ffmpeg: pip install 'ganexp[video]'; or give folders of frames."
        ) from error
    # Files alone: ffmpeg would also follow addresses and playlists.
    reader = read_frames(str(path.resolve()), input_params=["-protocol_whitelist", "file"])
    try:
        width, height = next(reader)["size"]
        if max(width, height) > LARGEST_SIDE:
            raise UserError(f"{path}: its frames are of {width}x{height} pixels; at most {LARGEST_SIDE} on a side.")
        for frame in reader:
            yield np.frombuffer(frame, dtype=np.uint8).reshape(height, width, 3)
    except (OSError, RuntimeError, KeyError, StopIteration, ValueError) as error:
        raise UserError(f"{path}: the video cannot be read: {reason_of(error)}.") from error
    finally:
        reader.close()
