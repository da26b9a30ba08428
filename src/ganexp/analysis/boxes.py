"""Bounding boxes of an object in numbered samples, and a detector trained on them."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import interpolate

from ganexp.errors import UserError
from ganexp.numerics.randomness import generator as rng

PATCH = 8  # side in pixels to which the contents of boxes are resized for the detector

Boxes = dict[int, list[tuple[int, int, int, int]]]
"""Boxes (x0, y0, x1, y1) by the number of their sample, in pixels from the upper left; x1 and y1 are exclusive."""


def read_boxes(path: Path, samples: int, height: int, width: int) -> Boxes:
    """Return the boxes of a JSON file {"sample's number": [[x0, y0, x1, y1], …], …}.

    Raises UserError if it cannot be read, has another form, or names a sample or a pixel that does not exist.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(f"boxes={path} cannot be read: {error.strerror}") from error
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise UserError(f"boxes={path} is not JSON: {error}") from error
    expected = 'boxes by sample are expected, such as {"3": [[x0, y0, x1, y1]]}'
    if not isinstance(content, dict) or not content:
        raise UserError(f"boxes={path}: {expected}")
    boxes: Boxes = {}
    for number, value in content.items():
        if not number.isdecimal() or int(number) >= samples:
            raise UserError(f"boxes={path}: sample {number!r} is not one of 0 to {samples - 1}")
        if not isinstance(value, list):
            raise UserError(f"boxes={path}: sample {number} has {value!r}; {expected}")
        boxes[int(number)] = [read_box(box, f"boxes={path}: sample {number}", height, width) for box in value]
    return boxes


def read_box(box: Any, where: str, height: int, width: int) -> tuple[int, int, int, int]:
    """Return a box; raises UserError if it is not a box inside the image."""
    valid = isinstance(box, list) and len(box) == 4 and all(type(side) is int for side in box)
    if not valid:
        raise UserError(f"{where}: {box!r} is not a box of four integers [x0, y0, x1, y1]")
    x0, y0, x1, y1 = box
    if not (0 <= x0 < x1 <= width and 0 <= y0 < y1 <= height):
        raise UserError(f"{where}: the box {box} is not inside the image of {width}x{height} pixels (x0 < x1, y0 < y1)")
    return x0, y0, x1, y1


def inside_boxes(boxes: Boxes, samples: Sequence[int], height: int, width: int) -> Tensor:
    """Return which pixels of the samples are in a box, bool (N, height, width)."""
    inside = torch.zeros(len(samples), height, width, dtype=torch.bool)
    for row, number in enumerate(samples):
        for x0, y0, x1, y1 in boxes.get(number, []):
            inside[row, y0:y1, x0:x1] = True
    return inside


def box_detector(images: Tensor, boxes: Boxes, seed: int = 0) -> Callable[[Tensor], Tensor]:
    """Return a detector of the object in boxes, from images (N, C, H, W) of the same N samples to bool (N,).

    It is a logistic regression on pixels, trained on the boxes against patches of the same size elsewhere in these
    images. Nothing is detected in samples without boxes. Raises ValueError if no patch fits beside the boxes.
    """
    from sklearn.linear_model import LogisticRegression

    numbers = sorted(boxes)
    height, width = images.shape[2:]
    inside = inside_boxes(boxes, numbers, height, width)
    draw = rng(seed, "patches beside boxes")
    on, off = [], []
    for row, number in enumerate(numbers):
        for x0, y0, x1, y1 in boxes[number]:
            on.append(patch(images[number], (x0, y0, x1, y1)))
            for _ in range(20):
                x = int(torch.randint(width - (x1 - x0) + 1, (), generator=draw))
                y = int(torch.randint(height - (y1 - y0) + 1, (), generator=draw))
                if not inside[row, y : y + y1 - y0, x : x + x1 - x0].any():
                    off.append(patch(images[number], (x, y, x + x1 - x0, y + y1 - y0)))
    if not on or not off:
        raise ValueError(
            "no patch as large as a box fits beside the boxes, so there is nothing to compare their contents with"
        )
    target = [1] * len(on) + [0] * len(off)
    regression = LogisticRegression(C=0.1, class_weight="balanced", max_iter=200)
    regression.fit(torch.stack([*on, *off]).numpy(), target)

    def detect(shown: Tensor) -> Tensor:
        detected = torch.zeros(len(shown), dtype=torch.bool)
        for number in numbers:
            patches = [patch(shown[number], box) for box in boxes[number]]
            detected[number] = bool(patches) and bool(regression.predict(torch.stack(patches).numpy()).any())
        return detected

    return detect


def patch(image: Tensor, box: tuple[int, int, int, int]) -> Tensor:
    """Return the contents of a box of an image (C, H, W), resized to ``PATCH`` x ``PATCH`` and flattened."""
    x0, y0, x1, y1 = box
    return interpolate(image[None, :, y0:y1, x0:x1], (PATCH, PATCH), mode="bilinear").flatten()
