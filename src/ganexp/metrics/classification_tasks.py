"""Classification tasks that a classifier's features are learned from: the data's own labels, or rotations."""

from typing import Protocol

import torch
from torch import Tensor

from ganexp.metrics.reference import RealImages
from ganexp.numerics.randomness import generator

QUARTER_TURNS, HALF_TURNS = "rotations", "half turns"


class Task(Protocol):
    """The classification task that the network is trained on."""

    name: str
    classes: int
    chance: float
    """The accuracy of always giving the most frequent answer."""

    def __call__(self, images: Tensor, positions: Tensor) -> tuple[Tensor, Tensor]:
        """Return images (B, C, H, W), possibly transformed, and labels (B,), for the images at these positions."""
        ...


class OwnLabels:
    """Classification by the data's own labels (N,)."""

    name = "own labels"

    def __init__(self, labels: Tensor) -> None:
        self.labels = labels
        self.classes = int(labels.max()) + 1
        self.chance = float(labels.bincount().max()) / len(labels)

    def __call__(self, images: Tensor, positions: Tensor) -> tuple[Tensor, Tensor]:
        """Return the images and their labels."""
        return images, self.labels[positions]


class Rotations:
    """Prediction of the number of turns of a rotated image (arXiv 1803.07728).

    Turns are quarters for square images; of rectangles, whose quarter turns have another shape, they are halves.
    """

    def __init__(self, seed: int, square: bool = True) -> None:
        self.generator = generator(seed, "rotations")
        self.name = QUARTER_TURNS if square else HALF_TURNS
        self.classes = 4 if square else 2
        self.chance = 1 / self.classes
        self.quarters = 4 // self.classes

    def __call__(self, images: Tensor, positions: Tensor) -> tuple[Tensor, Tensor]:
        """Return the randomly rotated images and their numbers of turns."""
        turns = torch.randint(self.classes, (len(images),), generator=self.generator)
        rotated = torch.stack(
            [image.rot90(self.quarters * int(turn), (1, 2)) for image, turn in zip(images, turns, strict=True)]
        )
        return rotated, turns


def classification_task(images: RealImages, seed: int) -> Task:
    """Return the task for a data set: its own labels if there are several, else rotations."""
    labels = images.labels()
    if labels is not None and labels.dim() == 1 and len(labels.unique()) > 1:
        return OwnLabels(labels)
    _, height, width = images.shape
    return Rotations(seed, square=height == width)
