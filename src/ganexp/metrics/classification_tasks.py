"""Classification tasks that a classifier's features are learned from: the data's own labels, or rotations."""

from typing import Protocol

import torch
from torch import Tensor

from ganexp.errors import UserError
from ganexp.metrics.reference import RealImages
from ganexp.numerics.randomness import generator


class Task(Protocol):
    """The classification task that the network is trained on."""

    name: str
    classes: int

    def __call__(self, images: Tensor, positions: Tensor) -> tuple[Tensor, Tensor]:
        """Return images (B, C, H, W), possibly transformed, and labels (B,), for the images at these positions."""
        ...


class OwnLabels:
    """Classification by the data's own labels (N,)."""

    name = "own labels"

    def __init__(self, labels: Tensor) -> None:
        self.labels = labels
        self.classes = int(labels.max()) + 1

    def __call__(self, images: Tensor, positions: Tensor) -> tuple[Tensor, Tensor]:
        """Return the images and their labels."""
        return images, self.labels[positions]


class Rotations:
    """Prediction of the number of quarter turns of a rotated square image (arXiv 1803.07728)."""

    name = "rotations"
    classes = 4

    def __init__(self, seed: int) -> None:
        self.generator = generator(seed, "rotations")

    def __call__(self, images: Tensor, positions: Tensor) -> tuple[Tensor, Tensor]:
        """Return the randomly rotated images and their numbers of quarter turns."""
        turns = torch.randint(self.classes, (len(images),), generator=self.generator)
        rotated = torch.stack([image.rot90(int(turn), (1, 2)) for image, turn in zip(images, turns, strict=True)])
        return rotated, turns


def classification_task(images: RealImages, seed: int) -> Task:
    """Return the task for a data set: its own labels if there are several, else rotations.

    Raises UserError for images without labels that are not square.
    """
    labels = images.labels()
    if labels is not None and labels.dim() == 1 and len(labels.unique()) > 1:
        return OwnLabels(labels)
    _, height, width = images.shape
    if height != width:
        raise UserError(f"extractor classifier: images without labels must be square, not {height}x{width}.")
    return Rotations(seed)
