"""Clips of people with landmarks: pairs of a frame to drive and another frame of the same clip."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ganexp.data.decoding import Decoder
from ganexp.data.files.folders import existing, split_folders
from ganexp.data.landmarks.clips import Clip, clips_of, people_in
from ganexp.data.landmarks.fitting import fitted_landmarks, fitted_picture, require_within_crop
from ganexp.data.landmarks.planes import driven_input
from ganexp.data.problems import Problem, report_problem
from ganexp.data.sources.splits import TEST_INTERVAL, TRAIN
from ganexp.data.translation.items import Pair
from ganexp.errors import UserError
from ganexp.image_size import ImageSize
from ganexp.numerics.randomness import derived_seed


def head_clips(
    split: str,
    root: str,
    image_size: int | Sequence[int],
    channels: int,
    landmarks: int,
    resize_filter: str = "bicubic",
    seed: int = 0,
    frames: int = 10,
    test_frames: int = 4,
) -> "HeadClips":
    """Return pairs of frames of one split of a folder person/clip/frames, with label 0.

    A clip is a folder of pictures with landmarks.npy or landmarks.json in it, or a video with landmarks in a file of
    the same name. ``frames`` pairs are drawn of each clip for training, and ``test_frames`` for any other split. With
    folders of splits, such as train and test, a split is that folder; otherwise every tenth person is for testing.

    Raises UserError for a missing folder or split, one person alone without splits, and for what `Clip` refuses.
    """
    top = existing(root, "data.root")
    people = _people_of(top, split)
    clips = []
    for place in (place for person in people for place in clips_of(person)):
        try:
            clip = Clip(place, landmarks)
            require_within_crop(clip.landmarks, clip.size, ImageSize.of(image_size), clip.path)
            clips.append(clip)
        except UserError as error:
            report_problem(error, Problem(str(error), (str(place),), "correct or remove the clip"))
    pairs = frames if split == TRAIN else test_frames
    return HeadClips(clips, ImageSize.of(image_size), channels, resize_filter, seed, pairs)


def _people_of(top: Path, split: str) -> Sequence[Path]:
    splits = split_folders(top)
    if splits:
        if split not in splits:
            raise UserError(f"{top} has no split {split!r}: data.test_split={'|'.join(set(splits) - {TRAIN})}.")
        return people_in(splits[split])
    people = people_in(top)
    if len(people) < 2:
        raise UserError(
            f"{top} has one person, {people[0].name}: a model of one picture is tested on people that it was not "
            "trained on, so two or more are needed."
        )
    interval = min(TEST_INTERVAL, len(people))
    is_test = [number % interval == interval - 1 for number in range(len(people))]
    return [person for person, tested in zip(people, is_test, strict=True) if tested != (split == TRAIN)]


class HeadClips:
    """Pairs of two frames of one clip: ``pairs`` of each clip, in the order of the clips."""

    classes: tuple[str, ...] = ()

    def __init__(
        self, clips: Sequence[Clip], size: ImageSize, channels: int, resize_filter: str, seed: int, pairs: int
    ) -> None:
        self.clips = list(clips)
        self.size = size
        self.decoder = Decoder(size, channels, resize_filter)
        self.seed = seed
        self.pairs = pairs
        # The frames of one video at a time, since neighbouring pairs are of the same.
        self._video: tuple[int, list[np.ndarray]] | None = None

    def __len__(self) -> int:
        return len(self.clips) * self.pairs

    def __getitem__(self, index: int) -> tuple[Pair, int]:
        if not 0 <= index < len(self):
            raise IndexError(index)
        number, chosen = index // self.pairs, self.chosen(index)
        clip = self.clips[number]
        source, target = (self._frame(number, frame) for frame in chosen)
        own, reached = fitted_landmarks(clip.landmarks[list(chosen)], clip.size, self.size)
        return Pair(driven_input(source, own, reached), target), 0

    def chosen(self, index: int) -> tuple[int, int]:
        """Return the numbers of the frames of a pair, which differ."""
        rng = np.random.default_rng(derived_seed(self.seed, "frames of a clip", index))
        source, target = rng.choice(len(self.clips[index // self.pairs]), size=2, replace=False)
        return int(source), int(target)

    def name(self, index: int) -> str:
        """Return the place of a pair's clip and its frames."""
        source, target = self.chosen(index)
        return f"{self.clips[index // self.pairs].place} (frames {source} and {target})"

    def _frame(self, number: int, frame: int) -> np.ndarray:
        """Return a frame of a clip, (h, w, C), at the size of training."""
        clip = self.clips[number]
        if clip.paths:
            return fitted_picture(clip.frame(frame), self.decoder)
        if self._video is None or self._video[0] != number:
            self._video = number, [fitted_picture(picture, self.decoder) for picture in clip.frames()]
        return self._video[1][frame]
