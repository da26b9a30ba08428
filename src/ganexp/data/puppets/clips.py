"""Clips of puppets as files: frames in folders, with their landmarks."""

from pathlib import Path

import numpy as np
from PIL import Image

from ganexp.data.puppets.drawing import Frame, draw
from ganexp.data.puppets.parameters import FIRST_TEST_PUPPET, Pose, clip, identity, pose
from ganexp.errors import UserError
from ganexp.image_size import ImageSize

FRONT = Pose(0.0, 0.0, 0.0, 0.1, 0.3, 0.9, 0.9, (0.0, 0.0))


def write_clips(out: Path, people: int, clips: int, frames: int, image_size: int) -> None:
    """Write ``out``/person/clip/NNNNN.png and landmarks.npy, and each person from the front as person.png and .npy.

    The first clip of a person turns, speaks and blinks; further ones move between random poses. Raises UserError if the
    files cannot be written.
    """
    size = ImageSize(image_size, image_size)
    try:
        for person in range(people):
            puppet = identity(0, FIRST_TEST_PUPPET + person)
            folder = out / f"{person:04d}"
            _write(folder / "person.png", folder / "person.npy", [draw(puppet, FRONT, size)])
            for number in range(clips):
                poses = clip(frames) if number == 0 else wandering(person * clips + number, frames)
                drawn = [draw(puppet, one, size) for one in poses]
                place = folder / f"clip{number}"
                _write(place / "{:05d}.png", place / "landmarks.npy", drawn)
    except OSError as error:
        raise UserError(f"out={out}: cannot be written to: {error.strerror}") from error
    print(f"{people:,} people with {clips:,} clips of {frames:,} frames each, {size.text} pixels, are in {out}")


def wandering(number: int, frames: int) -> list[Pose]:
    """Return poses on the way between random ones, one for each second of 25 frames, a function of the number."""
    stops = [pose(0, number * 1000 + stop, "clip") for stop in range(frames // 25 + 2)]
    return [_between(stops[frame // 25], stops[frame // 25 + 1], frame % 25 / 25) for frame in range(frames)]


def _between(one: Pose, other: Pose, share: float) -> Pose:
    first, last = (np.array([*stop[:-1], *stop.shift]) for stop in (one, other))
    turn, tilt, nod, mouth, smile, left_eye, right_eye, x, y = (first + share * (last - first)).tolist()
    return Pose(turn, tilt, nod, mouth, smile, left_eye, right_eye, (x, y))


def _write(picture: Path, landmarks: Path, drawn: list[Frame]) -> None:
    picture.parent.mkdir(parents=True, exist_ok=True)
    for number, frame in enumerate(drawn):
        Image.fromarray(frame.picture).save(picture.with_name(picture.name.format(number)))
    np.save(landmarks, np.stack([frame.landmarks for frame in drawn]))
