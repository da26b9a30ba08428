"""MNIST and other data sets in the IDX format."""

import gzip
import os
import platform
import shutil
from pathlib import Path

from torchvision.datasets import MNIST, FashionMNIST
from torchvision.datasets.mnist import read_image_file, read_label_file

from ganexp.data.pictures import ArrayPictures
from ganexp.data.sources.splits import check_split
from ganexp.errors import UserError
from ganexp.files.download import Remote, folders_of, obtain

PREFIXES = {"train": "train", "test": "t10k"}


def mnist(root: str, split: str = "train", download: bool = True) -> ArrayPictures:
    """Return MNIST's handwritten digits, grey 28x28, in 10 classes: 60,000 to train, 10,000 to test.

    `root`/MNIST/raw holds the files, as for torchvision; only those of the split are needed, compressed or not.
    Raises UserError if they are missing and cannot be downloaded. Source: LeCun, Cortes and Burges,
    http://yann.lecun.com/exdb/mnist/.
    """
    return _idx("MNIST", MNIST, root, split, download)


def fashion_mnist(root: str, split: str = "train", download: bool = True) -> ArrayPictures:
    """Return Fashion-MNIST's clothes, grey 28x28, in 10 classes: 60,000 to train, 10,000 to test.

    `root`/FashionMNIST/raw holds the files, as for torchvision; only those of the split are needed, compressed or
    not. Raises UserError if they are missing and cannot be downloaded. Source: Xiao, Rasul and Vollgraf,
    https://arxiv.org/abs/1708.07747.
    """
    return _idx("FashionMNIST", FashionMNIST, root, split, download)


def _idx(name: str, dataset: type[MNIST], root: str, split: str, download: bool) -> ArrayPictures:
    check_split(name, split, PREFIXES)
    # torchvision's class needs the files of both splits and unpacks next to them, which fails in a read-only folder
    # or one with a single split; only its tables and its file readers are used.
    files = [
        Remote(file, md5, tuple(f"{mirror.rstrip('/')}/{file}" for mirror in dataset.mirrors))
        for file, md5 in dataset.resources
        if file.startswith(f"{PREFIXES[split]}-")
    ]
    unpacked = [file.name.removesuffix(".gz") for file in files]
    folder = obtain(
        f"{name} ({split})",
        files,
        folders_of(root, name, "raw"),
        complete=lambda folder: all((folder / file).is_file() for file in unpacked),
        unpack=_gunzip,
        download=download,
    )
    (images,) = (folder / file for file in unpacked if "images" in file)
    (labels,) = (folder / file for file in unpacked if "labels" in file)
    try:
        return ArrayPictures(
            read_image_file(str(images)).numpy(), read_label_file(str(labels)).numpy(), dataset.classes
        )
    except (AssertionError, ValueError, RuntimeError, KeyError, IndexError) as error:
        raise UserError(
            f"{name} ({split}): {images} or {labels} is damaged; remove both, and start again to restore them."
        ) from error


def _gunzip(archive: Path, folder: Path) -> None:
    path = folder / archive.name.removesuffix(".gz")
    part = folder / f".{path.name}.{platform.node()}.{os.getpid()}.part"
    try:
        with gzip.open(archive) as packed, part.open("wb") as out:
            shutil.copyfileobj(packed, out)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
