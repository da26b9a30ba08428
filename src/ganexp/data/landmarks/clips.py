"""Clips of one person: frames in a folder or in a video, with landmarks beside them."""

from collections.abc import Iterator, Sequence
from functools import cached_property
from itertools import islice
from pathlib import Path

import numpy as np
from PIL import ImageOps

from ganexp.data.files.folders import images_below
from ganexp.data.files.lfs_pointers import naming_lfs_pointers
from ganexp.data.landmarks.files import (
    landmarks_beside,
    read_landmarks,
    require_frames,
    require_inside,
    require_number,
)
from ganexp.data.landmarks.video import is_video, video_frames
from ganexp.data.unreadable import reason_of
from ganexp.errors import UserError
from ganexp.files.pictures import open_picture


class Clip:
    """The frames of a folder, in the order of their names, or of a video, and landmarks (F, K, 2) in pixels.

    ``number`` is that of the landmarks. Raises UserError if landmarks are missing, of another number, not as many as
    the frames of a folder, or outside of the first frame, and for a clip of a single frame.
    """

    def __init__(self, place: Path, number: int) -> None:
        self.place = place
        self.paths = [] if is_video(place) else frames_in(place)
        self.path = landmarks_beside(place)
        self.landmarks = read_landmarks(self.path)
        require_number(self.landmarks, number, self.path)
        if self.paths:
            require_frames(self.landmarks, len(self.paths), self.path)
        if len(self.landmarks) < 2:
            raise UserError(f"{place} has one frame: a clip has two or more, of which one is driven to another's pose.")
        require_inside(self.landmarks, self.size, self.path)

    def __len__(self) -> int:
        return len(self.landmarks)

    @cached_property
    def size(self) -> tuple[int, int]:
        """The width and height of the first frame."""
        frame = read_picture(Path(self.paths[0])) if self.paths else next(video_frames(self.place))
        height, width = frame.shape[:2]
        return width, height

    def frame(self, number: int) -> np.ndarray:
        """Return a frame of a folder, uint8 (H, W, 3); raises UserError if it is not of the first one's size."""
        return self._of_one_size(number, read_picture(Path(self.paths[number])))

    def frames(self) -> Iterator[np.ndarray]:
        """Yield the frames, uint8 (H, W, 3); raises UserError for one of another size, or if there are too few."""
        if self.paths:
            yield from map(self.frame, range(len(self)))
            return
        number = 0
        for number, picture in enumerate(islice(video_frames(self.place), len(self)), 1):
            yield self._of_one_size(number - 1, picture)
        require_frames(self.landmarks, number, self.path)

    def _of_one_size(self, number: int, picture: np.ndarray) -> np.ndarray:
        if picture.shape[1::-1] != self.size:
            width, height = self.size
            raise UserError(
                f"{self.place}: frame {number} has {picture.shape[1]}x{picture.shape[0]} pixels, the first "
                f"{width}x{height}; landmarks are in pixels of one size."
            )
        return picture


def frames_in(folder: Path) -> list[str]:
    """Return the paths of the pictures in a folder, sorted; raises UserError if it is missing or has none."""
    if not folder.is_dir():
        raise UserError(f"{folder} does not exist: give a folder of frames or a video.")
    paths = [path for path in images_below(folder) if Path(path).parent == folder]
    if not paths:
        raise UserError(f"{folder} has no frames: pictures are expected in it.")
    return paths


def read_picture(path: Path) -> np.ndarray:
    """Return a picture as uint8 (H, W, 3), upright; raises UserError if it cannot be read."""
    try:
        with naming_lfs_pointers(path), open_picture(path) as image:
            return np.asarray(ImageOps.exif_transpose(image).convert("RGB"))
    except UserError:
        raise
    except Exception as error:  # a broken file makes Pillow raise nearly anything
        raise UserError(f"{path}: cannot be read: {reason_of(error)}") from error


def clips_of(person: Path) -> list[Path]:
    """Return the places of a person's clips: folders with pictures, videos, or the person's folder itself."""
    inside = sorted(path for path in person.iterdir() if not path.name.startswith("."))
    places = [path for path in inside if is_video(path) or (path.is_dir() and _has_pictures(path))]
    return places or [person]


def clips_below(folder: Path) -> list[Path]:
    """Return the places of all clips in a folder of people, of splits or of frames: videos, and innermost folders."""
    inside = sorted(path for path in folder.iterdir() if not path.name.startswith("."))
    places = [clip for path in inside if path.is_dir() for clip in clips_below(path)]
    places += [path for path in inside if is_video(path)]
    return places or ([folder] if _has_pictures(folder) else [])


def people_in(top: Path) -> Sequence[Path]:
    """Return the folders of people, sorted; raises UserError if there are none."""
    people = sorted(path for path in top.iterdir() if path.is_dir() and not path.name.startswith("."))
    if not people:
        raise UserError(f"{top} has no folders of people: person/clip/frames are expected, or person/clip.mp4.")
    return people


def _has_pictures(folder: Path) -> bool:
    return any(Path(path).parent == folder for path in images_below(folder))
