"""Animation of one picture of a person by the landmarks of a clip, with a trained avatar model."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from ganexp.data.decoding import Decoder
from ganexp.data.landmarks.clips import Clip, read_picture
from ganexp.data.landmarks.files import SUFFIXES as LANDMARK_SUFFIXES
from ganexp.data.landmarks.files import landmarks_beside, read_landmarks, require_inside, require_number
from ganexp.data.landmarks.fitting import fitted_picture, require_within_crop
from ganexp.data.landmarks.planes import splatted
from ganexp.data.values import to_signed_unit
from ganexp.errors import UserError
from ganexp.files.atomic import replaced_when_whole
from ganexp.generation.animation import write_pictures
from ganexp.image_size import ImageSize
from ganexp.numerics.flags import full_precision
from ganexp.numerics.pixels import quantized
from ganexp.runs.model import load_model
from ganexp.runs.run import Run
from ganexp.terminal.progress import progress
from ganexp.variants.translation import FORWARD

SHOWN_HEIGHT = 128
"""Smaller frames are enlarged to about this height, by whole numbers."""


@dataclass(frozen=True)
class Driving:
    """Landmarks (F, K, 2) in pixels of the training size, and the frames they are of, if there are any."""

    landmarks: np.ndarray
    frames: Sequence[np.ndarray]


@full_precision()
def drive_picture(
    run: Run, picture: Path, landmarks: Path | None, clip: Path, out: Path, rate: float, alone: bool
) -> None:
    """Write the animation of a picture that a clip drives, and print how fast its frames were computed.

    ``landmarks`` is the file of the picture's own landmarks, by default the one beside it. ``clip`` is a folder of
    frames or a video with landmarks beside it, or a file of landmarks in pixels of the picture. Unless ``alone``, the
    picture and the driving frame, or its landmarks, stand beside each frame.

    Raises UserError for a model that no landmarks drive, and for landmarks that are missing, of another number or
    outside of their picture.
    """
    model = load_model(run)
    number = int(getattr(model, "landmarks", 0))
    if number == 0:
        raise UserError(
            "drive: the run's model is not driven by landmarks; train model=head_avatar, or leave out drive"
        )
    generator: Any = model.translator(FORWARD)
    size, channels = ImageSize.of(_plain(run.config.data.image_size)), int(run.config.data.channels)
    decoder = Decoder(size, channels)
    seen, own = _source(picture, landmarks, number, decoder)
    driving = _driving(clip, number, read_picture(picture).shape[1::-1], decoder)
    person = np.concatenate([seen, splatted(own, size).max(axis=2, keepdims=True)], axis=2)
    with torch.inference_mode():
        avatar = generator.avatar(_as_batch(person, model.device))
        made, seconds = _frames(generator, avatar, _signed(driving.landmarks, size), model.device)
    shown = made if alone else _beside(seen, driving, made, size)
    with replaced_when_whole(out) as unfinished:
        write_pictures(_enlarged(shown), unfinished, rate)
    print(f"{out}: {len(made):,} frames, {rate:g} in a second; computed at {len(made) / seconds:,.0f} frames/s")


def _source(picture: Path, landmarks: Path | None, number: int, decoder: Decoder) -> tuple[np.ndarray, np.ndarray]:
    """Return the picture, uint8 (H, W, C), and its landmarks (K, 2), at the size of training."""
    path = landmarks or landmarks_beside(picture)
    pixels, own = read_picture(picture), read_landmarks(path)
    require_number(own, number, path)
    if len(own) != 1:
        raise UserError(f"{path} has the landmarks of {len(own):,} frames; those of one picture are expected.")
    size = pixels.shape[1::-1]
    require_inside(own, size, path)
    return fitted_picture(pixels, decoder), require_within_crop(own, size, decoder.image_size, path)[0]


def _driving(clip: Path, number: int, size: tuple[int, int], decoder: Decoder) -> Driving:
    """Return the landmarks of a clip, or of a file of landmarks in pixels of a picture of a size (width, height)."""
    if clip.suffix.lower() in LANDMARK_SUFFIXES and clip.is_file():
        landmarks = read_landmarks(clip)
        require_number(landmarks, number, clip)
        if len(landmarks) < 2:
            raise UserError(f"{clip} has one frame: a clip has two or more.")
        require_inside(landmarks, size, clip)
        return Driving(require_within_crop(landmarks, size, decoder.image_size, clip), [])
    opened = Clip(clip, number)
    moved = require_within_crop(opened.landmarks, opened.size, decoder.image_size, opened.path)
    return Driving(moved, [fitted_picture(frame, decoder) for frame in opened.frames()])


def _frames(generator: Any, avatar: Any, landmarks: Tensor, device: torch.device) -> tuple[list[np.ndarray], float]:
    """Return the frames, uint8 (H, W, C) each, and the seconds that the network took for them."""
    frames, seconds = [], 0.0
    with progress("driving the picture", len(landmarks)) as advance:
        for pose in landmarks.to(device).split(1):
            begin = time.perf_counter()
            picture = quantized(generator.drive(avatar, pose).picture().float()).cpu()
            seconds += time.perf_counter() - begin
            frames.append(picture[0].permute(1, 2, 0).numpy())
            advance(1)
    return frames, seconds


def _signed(landmarks: np.ndarray, size: ImageSize) -> Tensor:
    """Return landmarks (F, K, 2) in pixels as float32 in [-1, 1]."""
    return torch.from_numpy(2 * landmarks / np.array([size.width, size.height]) - 1).float()


def _as_batch(pixels: np.ndarray, device: torch.device) -> Tensor:
    """Return pixels, uint8 (H, W, C), as a batch of one in [-1, 1]."""
    return to_signed_unit(torch.from_numpy(pixels).permute(2, 0, 1)[None].contiguous()).to(device)


def _beside(seen: np.ndarray, driving: Driving, made: Sequence[np.ndarray], size: ImageSize) -> list[np.ndarray]:
    """Return the picture, the driving frame or its landmarks, and the result, from left to right."""
    frames = driving.frames or [
        splatted(pose, size).max(axis=2, keepdims=True).repeat(seen.shape[2], axis=2) for pose in driving.landmarks
    ]
    return [np.concatenate([seen, frame, result], axis=1) for frame, result in zip(frames, made, strict=True)]


def _enlarged(frames: Sequence[np.ndarray]) -> Iterator[Image.Image]:
    """Yield frames as RGB pictures, small ones enlarged without smoothing."""
    for frame in frames:
        picture = Image.fromarray(frame[..., 0] if frame.shape[2] == 1 else frame).convert("RGB")
        times = max(1, SHOWN_HEIGHT // picture.height)
        yield picture.resize((picture.width * times, picture.height * times), Image.Resampling.NEAREST)


def _plain(value: Any) -> Any:
    return list(value) if not isinstance(value, int) else value
