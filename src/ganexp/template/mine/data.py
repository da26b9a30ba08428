"""Data sources: functions that return labelled pictures; ganexp resizes, batches and orders them."""

import numpy as np

from ganexp.data.pictures import ArrayPictures


def shapes(count: int, image_size: int, seed: int = 0) -> ArrayPictures:
    """Return ``count`` grey pictures (count, image_size, image_size), uint8, of a disk or a square each.

    Any data set of (PIL image, array or tensor; class number) pairs could be returned instead, such as torchvision's.
    """
    rng = np.random.default_rng(seed)
    labels = np.arange(count) % 2
    rows, columns = np.mgrid[:image_size, :image_size] / image_size
    x, y, radius = rng.uniform([0.35, 0.35, 0.15], [0.65, 0.65, 0.3], (count, 3)).T[..., None, None]
    across, down = np.abs(columns - x), np.abs(rows - y)
    distance = np.where(labels[:, None, None] == 0, np.hypot(across, down), np.maximum(across, down))
    # Pixels at the edge are grey, so that no two pictures are the same.
    grey = 255 * np.clip((radius - distance) * image_size + 0.5, 0, 1)
    return ArrayPictures(grey.astype(np.uint8), labels, ["disk", "square"])
