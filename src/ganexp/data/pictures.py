"""Map-style data sets of undecoded pictures: (PIL image, label)."""

import io
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np
from PIL import Image

from ganexp.data.decoding import mark_deep_colour
from ganexp.data.files.lfs_pointers import naming_lfs_pointers
from ganexp.data.files.path_table import PathTable
from ganexp.files.pictures import open_picture

JPEG = b"\xff\xd8\xff"


class Pictures(Protocol):
    """A map-style data set of (PIL image, class number), as torchvision's image data sets are.

    In image-to-image data, an item may be a pair of pictures instead of one. An item may also be an array or a tensor
    (`as_picture`).

    It may have `classes`, the names of the classes (empty or absent: unlabelled), `name(index)`, the location of
    a picture for messages, and `labels` or `targets`, the class numbers (N,) or attributes (N, A) of all pictures;
    `has_attributes`, which of these they are, where it is known without reading them. `version` changes with
    the content of pictures that are not files of their own. With `prepare(numbers)` it is a data set that can only be
    read in order (`prepare`); with `epoch_order` (`EpochOrder`), one that is best trained on in that order; with
    `prefetch` (`Prefetch`), one whose parts can be fetched before they are due.
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
    """Pictures from files; unlabelled pictures have the label 0 and no `classes`.

    Labels are class numbers (N,), or attributes (N, A) of 0 and 1, whose names are the `classes`.
    """

    def __init__(
        self, paths: Iterable[str], labels: Sequence[Any] | np.ndarray | None = None, classes: Sequence[str] = ()
    ) -> None:
        self.paths = paths if isinstance(paths, PathTable) else PathTable(paths)
        self.labels = None if labels is None else label_array(labels)
        self.classes = list(classes)

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: int) -> tuple[Image.Image, Any]:
        label = 0 if self.labels is None else self.labels[index]
        path = Path(self.name(index))
        # Without a buffer, as a JPEG is read whole.
        with path.open("rb", buffering=0) as file, naming_lfs_pointers(path):
            start = file.read(len(JPEG))
            file.seek(0)
            if start == JPEG:
                # Decoded where its pixels are asked for, as there is a choice of decoders.
                return open_picture(io.BytesIO(file.readall())), label
            image = open_picture(io.BufferedReader(file))
            mark_deep_colour(image, path)
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


def labels_of(pictures: Pictures) -> np.ndarray | None:
    """Return the labels (N, …), int64, of all pictures without reading any; None if the data set does not have them."""
    if isinstance(pictures, Part):
        labels = labels_of(pictures.pictures)
        return None if labels is None else labels[pictures.numbers]
    labels = getattr(pictures, "labels", None)
    labels = getattr(pictures, "targets", None) if labels is None else labels
    try:
        array = None if labels is None else label_array(labels)
    except (TypeError, ValueError):  # a source of one's own may call something else so
        return None
    return array if array is not None and array.ndim and len(array) == len(pictures) else None


def has_attributes(pictures: Pictures) -> bool:
    """Return whether pictures have several attributes each, instead of a class."""
    known = getattr(pictures, "has_attributes", None)
    if known is not None:
        return bool(known)
    labels = labels_of(pictures)
    return labels is not None and labels.ndim > 1


def label_array(labels: Any) -> np.ndarray:
    """Return class numbers as int64 (N,), and attributes as int8 (N, A)."""
    array = np.asarray(labels)
    return array.astype(np.int8 if array.ndim > 1 else np.int64, copy=False)


def name_of(pictures: Pictures, index: int) -> str:
    """Return the name of one picture for messages: its path if it has one, else its number."""
    name = getattr(pictures, "name", None)
    return str(name(index)) if callable(name) else f"image {index}"


def prepare(pictures: Pictures, numbers: range) -> None:
    """Read the pictures with these numbers from their source, if it can only be read in order."""
    if is_sequential(pictures):
        pictures.prepare(numbers)  # type: ignore[attr-defined]


def is_sequential(pictures: Pictures) -> bool:
    """Return whether a data set can only be read in order, so that pictures must be prepared before they are read."""
    return callable(getattr(pictures, "prepare", None))


def version_of(pictures: Pictures) -> str:
    """Return what changes with the content of pictures that are not files of their own; empty if nothing is known."""
    return version_of(pictures.pictures) if isinstance(pictures, Part) else str(getattr(pictures, "version", ""))
