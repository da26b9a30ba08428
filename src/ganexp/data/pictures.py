"""Map-style data sets of undecoded pictures: (PIL image, label)."""

import io
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np
from PIL import Image

from ganexp.data.lfs_pointers import naming_lfs_pointers
from ganexp.data.path_table import PathTable

JPEG = b"\xff\xd8\xff"


class Pictures(Protocol):
    """A map-style data set of (PIL image, class number), as torchvision's image data sets are.

    In image-to-image data, an item may be a pair of pictures instead of one. An item may also be an array or a tensor
    (`as_picture`).

    It may have `classes`, the names of the classes (empty or absent: unlabelled), and `name(index)`, the location of
    a picture for messages.
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
    """Pictures from files; unlabelled pictures have the label 0 and no `classes`."""

    def __init__(self, paths: Sequence[str], labels: Sequence[int] | None = None, classes: Sequence[str] = ()) -> None:
        self.paths = PathTable(paths)
        self.labels = None if labels is None else np.asarray(labels, dtype=np.int64)
        self.classes = list(classes)

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: int) -> tuple[Image.Image, int]:
        label = 0 if self.labels is None else int(self.labels[index])
        path = Path(self.name(index))
        # Without a buffer, as a JPEG is read whole; the first bytes are read without moving on.
        with path.open("rb", buffering=0) as file, naming_lfs_pointers(path):
            if os.pread(file.fileno(), len(JPEG), 0) == JPEG:
                # Decoded where its pixels are asked for, as there is a choice of decoders.
                return Image.open(io.BytesIO(file.readall())), label
            image = Image.open(io.BufferedReader(file))
            image.load()
        return image, label

    def name(self, index: int) -> str:
        """Return the path of one picture."""
        return self.paths[index]


class Domains(NamedTuple):
    """Pictures of two domains: inputs to translate, and targets.

    ``aligned`` says that input i and target i show the same subject.
    """

    inputs: Pictures
    targets: Pictures
    aligned: bool = False


class Part:
    """A subset of a data set: the pictures with the given numbers, in that order."""

    def __init__(self, pictures: Pictures, numbers: Sequence[int] | np.ndarray) -> None:
        self.pictures = pictures
        self.numbers = np.asarray(numbers, dtype=np.int64)
        self.classes = classes_of(pictures)

    def __len__(self) -> int:
        return len(self.numbers)

    def __getitem__(self, index: int) -> Any:
        return self.pictures[int(self.numbers[index])]

    def name(self, index: int) -> str:
        """Return the name of one picture in the whole set."""
        return name_of(self.pictures, int(self.numbers[index]))


def classes_of(pictures: Pictures) -> list[str]:
    """Return the names of the classes; empty if the pictures are unlabelled."""
    return [str(name) for name in getattr(pictures, "classes", [])]


def name_of(pictures: Pictures, index: int) -> str:
    """Return the name of one picture for messages: its path if it has one, else its number."""
    name = getattr(pictures, "name", None)
    return str(name(index)) if callable(name) else f"image {index}"
