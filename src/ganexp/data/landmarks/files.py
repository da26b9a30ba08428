"""Files of landmarks, .npy or JSON, beside the frames that they belong to."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ganexp.data.array_files import memory_mapped
from ganexp.errors import UserError
from ganexp.files.untrusted import read_json, require_file

SUFFIXES = (".npy", ".json")
NAME = "landmarks"
EXAMPLES = "landmarks.npy or landmarks.json, (frames, landmarks, 2): x and y in pixels from the top left corner"
MOST_VALUES = 10**8


def landmarks_beside(place: Path) -> Path:
    """Return the file of the landmarks in a folder of frames, or that with the name of a video or a picture.

    Raises UserError if there is none.
    """
    candidates = files_beside(place)
    beside = next((path for path in candidates if path.is_file()), None)
    if beside is None:
        raise UserError(f"{place} has no landmarks: {' or '.join(str(path) for path in candidates)} is missing.")
    return beside


def files_beside(place: Path) -> list[Path]:
    """Return the files that may have the landmarks of a folder of frames, a video or a picture."""
    if place.is_dir():
        return [place / f"{NAME}{suffix}" for suffix in SUFFIXES]
    return [place.with_suffix(suffix) for suffix in SUFFIXES]


def read_landmarks(path: Path) -> np.ndarray:
    """Return the landmarks, float64 (F, K, 2), of a file of frames, or (1, K, 2) of one of a single picture.

    Raises UserError for a file that cannot be read, of another shape, or with values that are no numbers.
    """
    if path.suffix.lower() not in SUFFIXES:
        raise UserError(f"{path}: landmarks are read from {' and '.join(SUFFIXES)} files.")
    values = _numbers(path)
    values = values[None] if values.ndim == 2 else values
    if values.ndim != 3 or values.shape[2] != 2 or 0 in values.shape or values.size > MOST_VALUES:
        raise UserError(f"{path} has the shape {tuple(values.shape)}; expected {EXAMPLES}.")
    missing = np.argwhere(~np.isfinite(values).all(axis=2))
    if len(missing):
        frame, landmark = missing[0]
        raise UserError(f"{path}: frame {frame} has no landmark {landmark}; leave out frames that are not complete.")
    return values


def require_number(landmarks: np.ndarray, number: int, path: Path) -> None:
    """Raise UserError unless landmarks (F, K, 2) have a number K."""
    if landmarks.shape[1] != number:
        raise UserError(f"{path} has {landmarks.shape[1]} landmarks in each frame, where {number} are expected.")


def require_frames(landmarks: np.ndarray, frames: int, path: Path) -> None:
    """Raise UserError unless landmarks (F, K, 2) are of a number F of frames."""
    if len(landmarks) != frames:
        raise UserError(f"{path} has the landmarks of {len(landmarks):,} frames, and there are {frames:,} frames.")


def require_inside(landmarks: np.ndarray, size: Sequence[int], path: Path) -> None:
    """Raise UserError unless landmarks (F, K, 2) in pixels lie in pictures of a size (width, height)."""
    outside = np.argwhere(((landmarks < 0) | (landmarks > np.asarray(size))).any(axis=2))
    if len(outside):
        frame, landmark = outside[0]
        x, y = landmarks[frame, landmark]
        raise UserError(
            f"{path}: landmark {landmark} of frame {frame} is at ({x:g}, {y:g}), outside of the picture of "
            f"{size[0]}x{size[1]} pixels; x and y are in pixels from the top left corner."
        )


def _numbers(path: Path) -> np.ndarray:
    """Return a file's numbers as float64, null being NaN."""
    try:
        require_file(path)
        content: Any = memory_mapped(path) if path.suffix.lower() == ".npy" else read_json(path)
        values = np.asarray(content)
        if values.dtype == object:
            values = np.array(content, dtype=np.float64)
        if values.dtype.kind not in "iuf":
            raise ValueError(f"it has values of the type {values.dtype}")
        return values.astype(np.float64)
    except (OSError, ValueError, TypeError, OverflowError) as error:
        raise UserError(f"{path} is no file of landmarks: {error}; expected {EXAMPLES}.") from error
