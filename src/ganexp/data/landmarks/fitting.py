"""Frames and their landmarks at the size of training."""

from pathlib import Path

import numpy as np
from PIL import Image

from ganexp.data.decoding import Decoder, covering_size
from ganexp.errors import UserError
from ganexp.image_size import ImageSize


def fitted_picture(picture: np.ndarray, decoder: Decoder) -> np.ndarray:
    """Return a picture, uint8 (H, W, 3), as uint8 (h, w, C), resized and cropped around its centre by a decoder."""
    pixels: np.ndarray = decoder(Image.fromarray(picture)).permute(1, 2, 0).numpy()
    return pixels


def fitted_landmarks(landmarks: np.ndarray, size: tuple[int, int], image_size: ImageSize) -> np.ndarray:
    """Return landmarks (…, 2) of pictures of a size (width, height) where resizing and cropping move them to."""
    covering = covering_size(size, image_size)
    offset = [(covering[0] - image_size.width) // 2, (covering[1] - image_size.height) // 2]
    moved: np.ndarray = landmarks * (np.asarray(covering) / np.asarray(size)) - np.asarray(offset)
    return moved


def require_within_crop(landmarks: np.ndarray, size: tuple[int, int], image_size: ImageSize, path: Path) -> np.ndarray:
    """Return landmarks (F, K, 2) as they are after resizing and cropping; raises UserError if one is cropped away."""
    moved = fitted_landmarks(landmarks, size, image_size)
    limit = np.array([image_size.width, image_size.height])
    outside = np.argwhere(((moved < 0) | (moved > limit)).any(axis=2))
    if len(outside):
        frame, landmark = outside[0]
        raise UserError(
            f"{path}: landmark {landmark} of frame {frame} is cropped away: of pictures of {size[0]}x{size[1]} pixels "
            f"the central part of the shape {image_size.text} is used; crop the frames around the head, or set "
            "data.image_size=[height,width]."
        )
    return moved
