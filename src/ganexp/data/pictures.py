"""Map-style data sets of (PIL image, label): what a source returns before anything is decoded."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from PIL import Image


class Pictures(Protocol):
    """A map-style data set of (PIL image, class number); torchvision's image data sets are such.

    In image-to-image data a pair of pictures may stand in a picture's place.

    It may have `classes`, the names of the classes (empty or absent: the labels mean nothing), and
    `name(index)`, which tells the user where a picture lies.
    """

    def __len__(self) -> int: ...

    def __getitem__(self, index: int, /) -> tuple[Any, int]: ...


class ArrayPictures:
    """Pictures from one uint8 array of shape (N, H, W) or (N, H, W, 3), with labels of shape (N,)."""

    def __init__(self, images: np.ndarray, labels: Sequence[int] | np.ndarray, classes: Sequence[str]) -> None:
        self.images = images
        self.labels = np.asarray(labels, dtype=np.int64)
        self.classes = list(classes)

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> tuple[Image.Image, int]:
        return Image.fromarray(self.images[index]), int(self.labels[index])


class FilePictures:
    """Pictures from files; without labels every picture has the label 0 and `classes` is empty."""

    def __init__(self, paths: Sequence[str], labels: Sequence[int] | None = None, classes: Sequence[str] = ()) -> None:
        # One array of bytes instead of a million objects, which every worker would copy.
        self.paths = np.asarray([os.fsencode(path) for path in paths])
        self.labels = None if labels is None else np.asarray(labels, dtype=np.int64)
        self.classes = list(classes)

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: int) -> tuple[Image.Image, int]:
        label = 0 if self.labels is None else int(self.labels[index])
        with Path(self.name(index)).open("rb") as file:
            image = Image.open(file)
            image.load()
        return image, label

    def name(self, index: int) -> str:
        """Return the path of one picture."""
        return os.fsdecode(bytes(self.paths[index]))


class Part:
    """Some of a data set's pictures, those with the given numbers, in that order."""

    def __init__(self, pictures: Pictures, numbers: Sequence[int] | np.ndarray) -> None:
        self.pictures = pictures
        self.numbers = np.asarray(numbers, dtype=np.int64)
        self.classes = classes_of(pictures)

    def __len__(self) -> int:
        return len(self.numbers)

    def __getitem__(self, index: int) -> Any:
        return self.pictures[int(self.numbers[index])]

    def name(self, index: int) -> str:
        """Return what the whole set calls one picture."""
        return name_of(self.pictures, int(self.numbers[index]))


def classes_of(pictures: Pictures) -> list[str]:
    """Return the names of the classes, empty if the pictures have no labels."""
    return [str(name) for name in getattr(pictures, "classes", [])]


def name_of(pictures: Pictures, index: int) -> str:
    """Return what to call one picture in a message: its path where it has one, else its number."""
    name = getattr(pictures, "name", None)
    return str(name(index)) if callable(name) else f"image {index}"
