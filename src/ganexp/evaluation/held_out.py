"""Held-out and labelled images for the analyses of a run."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from omegaconf import DictConfig, OmegaConf

from ganexp.analysis.subject import HeldOut
from ganexp.config import composition
from ganexp.data.disk import OnDisk
from ganexp.data.files.folders import all_images, held_out_folder, image_files
from ganexp.data.labels.matching import labels_of_files
from ganexp.data.labels.table import label_table
from ganexp.data.pictures import FilePictures
from ganexp.errors import UserError
from ganexp.evaluation.decoders import decoder_of
from ganexp.evaluation.evaluate import real_set
from ganexp.evaluation.folder_images import count_kinds, sample_files
from ganexp.image_size import ImageSize
from ganexp.metrics.reference import RealImages

Labels = Sequence[Any] | np.ndarray | None
OTHER_SPLITS = ("test", "valid", "val", "train")
TRAIN, TEST = "train", "test"
PLACE_KEYS = ("root", "path")
"""Settings of where a user's own data are, which such data cannot do without."""


def held_out_images(run: DictConfig, wanted: str | None) -> HeldOut:
    """Return images that the run was not trained on, from a folder or from another split of its data.

    Raises UserError if the requested images are unavailable.
    """
    split = OmegaConf.select(run.data, "source.split")
    if wanted is not None and Path(wanted).is_dir():
        return from_folder(held_out_folder(Path(wanted)) or Path(wanted), run.data)
    if wanted is not None:
        if split is None:
            raise UserError(f"held_out={wanted}: no such folder, and the data {run.data.name} has no splits")
        if wanted == split:
            raise UserError(f"held_out={wanted}: the run was trained on that split; choose another split or a folder")
        return from_split(run.data, wanted, download=True)
    root = OmegaConf.select(run.data, "root")
    if split is None and root is not None and (folder := held_out_folder(Path(root).expanduser())) is not None:
        return from_folder(folder, run.data)
    if split is None:
        return HeldOut(None, f"the data {run.data.name} has no split that was not trained on")
    for other in OTHER_SPLITS:
        if other != split:
            try:
                return from_split(run.data, other, download=False)
            except UserError:
                continue
    return HeldOut(None, f"no other split of {run.data.name} has been downloaded (held_out=SPLIT downloads it)")


def from_split(data: DictConfig, split: str, download: bool) -> HeldOut:
    """Return the images of a split."""
    source = {"split": split} if download or "download" not in data.source else {"split": split, "download": False}
    images = real_set(OmegaConf.merge(data, {"source": source}), None).images
    return HeldOut(images, f"{images.count:,} images of {data.name}'s split {split}")


def from_folder(folder: Path, data: DictConfig) -> HeldOut:
    """Return a folder's images, decoded like the run's data, with labels if they are in class folders.

    ``description`` also says how they were changed.
    """
    paths, labels, classes = labelled_files(folder, OmegaConf.select(data, "labels"))
    # `ganexp sample` writes a grid next to its samples.
    pictures = FilePictures(paths, labels, classes) if classes else FilePictures(sample_files(folder))
    decoder = decoder_of(data)
    images = OnDisk(pictures, decoder, labelled=bool(classes))
    height, width = decoder.image_size
    changed = any(kind != ((width, height), data.channels) for kind in count_kinds(folder))
    description = f"{len(images):,} images of {folder}{describe_resizing(data) if changed else ''}"
    return HeldOut(RealImages(images, images.checksum()), description)


def labelled_files(folder: Path, labels: str | None) -> tuple[Iterable[str], Labels, list[str]]:
    """Return a folder's images, their labels and the classes: those of the run's label file if it has all images.

    Else the labels are those of class folders.
    """
    table = None if labels is None else label_table(labels)
    if table is None:
        return image_files(folder)
    paths = all_images(folder)
    try:
        return paths, labels_of_files(paths, folder, table), table.names
    except UserError:
        return image_files(folder)


def labelled_images(wanted: str, data: DictConfig) -> tuple[RealImages, HeldOut]:
    """Return labelled training and test images of a folder or of a data set, decoded like the run's data.

    A folder contains either class folders, or train and test folders with class folders inside. The descriptions
    say which images they are. Raises UserError if ``wanted`` is neither, and for images without labels.
    """
    folder = Path(wanted).expanduser()
    if folder.is_dir():
        parts = [folder / TRAIN, folder / TEST]
        sets = [from_folder(path, data) for path in (parts if all(part.is_dir() for part in parts) else [folder])]
    else:
        sets = from_data_set(wanted, data)
    for labelled in sets:
        if labelled.images is None or labelled.images.labels() is None:
            raise UserError(f"labelled={wanted}: the images have no labels; one folder per class is needed")
    train, *test = sets
    assert train.images is not None
    return train.images, test[0] if test else HeldOut(None, train.description)


def from_data_set(name: str, data: DictConfig) -> list[HeldOut]:
    """Return a data set's train and test splits, or all of it if it has none, decoded like the run's data.

    Raises UserError if ``name`` is not a labelled data set of single images.
    """
    options = composition.groups(composition.conf_dir())["data"]
    own = composition.compose("train", [f"data={name}"]).data if name in options else None
    if own is None or any(OmegaConf.is_missing(own, key) for key in PLACE_KEYS) or own.get("num_classes") is None:
        raise UserError(f"labelled={name}: neither a folder nor a labelled data set, such as svhn")
    changed = any(own[key] != data[key] for key in ("image_size", "channels"))
    settings = OmegaConf.create(composition.resolve(own))
    settings.update({key: data[key] for key in ("image_size", "channels")})
    splits = [TRAIN, TEST] if OmegaConf.select(settings, "source.split") is not None else [""]
    sets = []
    for split in splits:
        images = real_set(OmegaConf.merge(settings, {"source": {"split": split}} if split else {}), None).images
        resized = describe_resizing(data) if changed else ""
        description = f"{images.count:,} images of {name}{f' ({split})' if split else ''}{resized}"
        sets.append(HeldOut(images, description))
    return sets


def describe_resizing(data: DictConfig) -> str:
    """Return a description of the size and channels that images are converted to."""
    size, channels = ImageSize.of(data.image_size), data.channels
    return f", converted to {size.text} with {channels} channel{'s' if channels > 1 else ''}"
