"""Inputs of a driven picture: its pixels, the drawing of its own landmarks, and a plane for each target landmark."""

import numpy as np

from ganexp.data.depth.planes import Planes
from ganexp.image_size import ImageSize


def driven_input(picture: np.ndarray, own: np.ndarray, target: np.ndarray) -> Planes:
    """Return the input (H, W, C + 1 + K) of a picture, uint8 (H, W, C), with landmarks (K, 2) of its own and to reach.

    Landmarks are (x, y) in pixels, with 0 at the edge of the first pixel. The drawing shows the picture's own
    landmarks in one channel; the others have a plane each, as in arXiv 1705.09368, section 3.1.
    """
    size = ImageSize(*picture.shape[:2])
    drawing = splatted(own, size).max(axis=2, keepdims=True)
    return Planes(np.concatenate([picture, drawing, splatted(target, size)], axis=2))


def splatted(landmarks: np.ndarray, size: ImageSize) -> np.ndarray:
    """Return planes, uint8 (H, W, K), whose centres of mass are the landmarks (K, 2) in pixels.

    Each landmark is shared between the four nearest pixels, by bilinear weights. In the outer half of a pixel, where
    there are fewer, it is moved to that pixel's centre.
    """
    limit = np.array([size.width - 1, size.height - 1], dtype=np.float64)
    places = np.clip(np.asarray(landmarks, dtype=np.float64) - 0.5, 0, limit)
    first = np.minimum(places.astype(np.int64), np.maximum(limit.astype(np.int64) - 1, 0))
    share = places - first
    planes = np.zeros((size.height, size.width, len(places)))
    numbers = np.arange(len(places))
    for down in (0, 1):
        for right in (0, 1):
            weight = (share[:, 0] if right else 1 - share[:, 0]) * (share[:, 1] if down else 1 - share[:, 1])
            rows = np.minimum(first[:, 1] + down, size.height - 1)
            columns = np.minimum(first[:, 0] + right, size.width - 1)
            planes[rows, columns, numbers] += weight
    return np.rint(255 * planes).astype(np.uint8)
