"""Landmarks of the one face in each frame of clips, found by a detector and written beside the frames."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from ganexp.data.landmarks.clips import clips_below, frames_in, read_picture
from ganexp.data.landmarks.files import files_beside
from ganexp.data.landmarks.video import is_video, video_frames
from ganexp.errors import UserError
from ganexp.files.atomic import replacing
from ganexp.terminal.progress import progress
from ganexp.terminal.text import first_names

FaceDetector = Callable[[np.ndarray], Sequence[np.ndarray]]
"""Returns the landmarks (K, 2) in pixels, from the top left corner, of each face in a frame, uint8 (H, W, 3)."""


def files_to_write(place: Path, out: Path | None, overwrite: bool) -> dict[Path, Path]:
    """Return the file of landmarks to write for each picture, video or folder of frames at or below a place.

    The file is ``out``, which is for one of them, or the one beside it. Unless ``overwrite``, those that have landmarks
    are left out. Raises UserError if there are none, or all have landmarks.
    """
    if not place.exists():
        raise UserError(f"input={place}: does not exist; give a picture, a video, a folder of frames, or one of clips")
    clips = clips_below(place) if place.is_dir() else [place]
    if not clips:
        raise UserError(f"input={place}: has no pictures and no videos")
    if out is not None and len(clips) > 1:
        raise UserError(f"out={out}: is for one clip, and {place} has {len(clips):,}; leave out out=")
    existing = {clip: [out] if out else files_beside(clip) for clip in clips}
    files = {
        clip: paths[0] for clip, paths in existing.items() if overwrite or not any(path.exists() for path in paths)
    }
    if not files:
        first = next(path for path in existing[clips[0]] if path.exists())
        raise UserError(f"{first}: landmarks are there already; replace them with overwrite=true")
    return files


def write_landmarks(files: Mapping[Path, Path], detector: FaceDetector) -> None:
    """Write the landmarks (F, K, 2) of each clip to its file, and print where they are.

    Raises UserError, after all others are written, for clips with a frame that has not exactly one whole face.
    """
    refused: list[str] = []
    frames = landmarks = 0
    with progress("finding landmarks", None) as advance:
        for clip, path in files.items():
            try:
                found = landmarks_of(clip, detector, lambda: advance(1))
            except UserError as error:
                refused.append(str(error))
                continue
            _save(found, path)
            frames, landmarks = frames + len(found), found.shape[1]
    written = len(files) - len(refused)
    if written:
        where = f"in {next(iter(files.values()))}" if len(files) == 1 else f"beside {written:,} clips"
        print(f"{landmarks} landmarks of each of {frames:,} frames are {where}; data.source.landmarks={landmarks}")
    if len(refused) == 1:
        raise UserError(refused[0])
    if refused:
        raise UserError(f"{len(refused):,} of {len(files):,} clips have no landmarks: {first_names(refused)}")


def landmarks_of(clip: Path, detector: FaceDetector, advance: Callable[[], None]) -> np.ndarray:
    """Return the landmarks (F, K, 2) in pixels of a picture, a folder of frames or a video.

    Raises UserError for frames that have not exactly one face, all of it inside.
    """
    found: list[np.ndarray] = []
    problems: list[str] = []
    for name, frame in _frames(clip):
        faces = detector(frame)
        problem = problem_of(faces, frame.shape[1::-1])
        if problem:
            problems.append(f"{name} ({problem})")
        else:
            found.append(faces[0])
        advance()
    if problems:
        raise UserError(
            f"{clip}: one whole face is expected in each frame; crop or remove {len(problems):,} of "
            f"{len(problems) + len(found):,}: {first_names(problems)}"
        )
    if not found:
        raise UserError(f"{clip}: has no frames")
    return np.stack(found)


def problem_of(faces: Sequence[np.ndarray], size: tuple[int, int]) -> str:
    """Return what is wrong with the faces (K, 2) in a frame of a size (width, height), empty if it is one inside."""
    if len(faces) != 1:
        return "several faces" if len(faces) else "no face"
    is_inside = ((faces[0] >= 0) & (faces[0] <= np.array(size))).all()
    return "" if is_inside else "a part of a face"


def _frames(clip: Path) -> Iterator[tuple[str, np.ndarray]]:
    """Yield names and pixels, uint8 (H, W, 3), of frames."""
    if is_video(clip):
        yield from ((f"frame {number}", frame) for number, frame in enumerate(video_frames(clip)))
        return
    paths = [Path(path) for path in frames_in(clip)] if clip.is_dir() else [clip]
    yield from ((path.name, read_picture(path)) for path in paths)


def _save(landmarks: np.ndarray, path: Path) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path, "wb") as file:
            np.save(file, landmarks)
    except OSError as error:
        raise UserError(f"{path}: cannot be written to: {error.strerror}") from error
