"""Drawn puppets with exact landmarks: pairs of a driven picture and what it should become."""

from collections.abc import Sequence

import numpy as np

from ganexp.data.depth.planes import with_channels
from ganexp.data.landmarks.planes import driven_input
from ganexp.data.puppets.drawing import LANDMARKS, Frame, draw
from ganexp.data.puppets.parameters import FIRST_TEST_PUPPET, identity, pose
from ganexp.data.sources.splits import TRAIN, check_split
from ganexp.data.translation.items import Pair
from ganexp.errors import UserError
from ganexp.image_size import ImageSize

CHANNELS = (1, 3)


def puppets(
    split: str,
    image_size: int | Sequence[int],
    channels: int = 3,
    landmarks: int = len(LANDMARKS),
    seed: int = 0,
    people: int = 400,
    frames: int = 10,
    test_people: int = 100,
    test_frames: int = 4,
) -> "Puppets":
    """Return pairs of puppets of one split, train or test, drawn at a size, with label 0.

    The split train has ``frames`` pairs of each of ``people`` puppets, and test ``test_frames`` of each of
    ``test_people`` others. Everything is a function of the seed and of the pair's number.

    Raises UserError for another split, other channels than 1 or 3, and another number of landmarks than puppets have.
    """
    check_split("puppets", split, (TRAIN, "test"))
    if landmarks != len(LANDMARKS):
        raise UserError(f"data.source.landmarks={landmarks}: puppets have {len(LANDMARKS)} landmarks.")
    if channels not in CHANNELS:
        raise UserError(f"data.channels={channels}: puppets are drawn in colour, 3 channels, or in grey, 1.")
    size = ImageSize.of(image_size)
    if split == TRAIN:
        return Puppets(size, channels, seed, 0, people, frames)
    return Puppets(size, channels, seed, FIRST_TEST_PUPPET, test_people, test_frames)


class Puppets:
    """Pairs of puppets from the number ``first`` on: pair i is of puppet i modulo ``people``, in two poses."""

    classes: tuple[str, ...] = ()

    def __init__(self, size: ImageSize, channels: int, seed: int, first: int, people: int, frames: int) -> None:
        self.size = size
        self.channels = channels
        self.seed = seed
        self.first = first
        self.people = people
        self.frames = frames
        self.version = f"puppets {size} {channels} {seed} {first} {people} {frames}"

    def __len__(self) -> int:
        return self.people * self.frames

    def __getitem__(self, index: int) -> tuple[Pair, int]:
        if not 0 <= index < len(self):
            raise IndexError(index)
        source, target = self.source(index), self.target(index)
        picture, reached = (_in_channels(frame.picture, self.channels) for frame in (source, target))
        return Pair(driven_input(picture, source.landmarks, target.landmarks), reached), 0

    def source(self, index: int) -> Frame:
        """Return the picture that pair ``index`` drives."""
        return self._frame(index, "source")

    def target(self, index: int) -> Frame:
        """Return the picture that pair ``index`` drives it to."""
        return self._frame(index, "target")

    def person(self, index: int) -> int:
        """Return the number of the puppet that pair ``index`` shows."""
        return self.first + index % self.people

    def name(self, index: int) -> str:
        """Return the name of a pair for messages."""
        return f"puppet {self.person(index)}, pair {index}"

    def _frame(self, index: int, purpose: str) -> Frame:
        number = self.first + index
        return draw(identity(self.seed, self.person(index)), pose(self.seed, number, purpose), self.size)


def _in_channels(picture: np.ndarray, channels: int) -> np.ndarray:
    """Return a picture, uint8 (H, W, 3), as uint8 (H, W, channels)."""
    return picture if channels == 3 else with_channels(picture, channels)
