"""Hugging Face data sets and parquet files."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ganexp.data.sources.datasets_package import (
    hub_cache,
    hub_columns,
    hub_stream,
    hub_table,
    loaded,
    local_table,
    saved_table,
)
from ganexp.data.sources.row_group_pictures import GB, RowGroupPictures
from ganexp.data.sources.streamed_pictures import StreamedPictures
from ganexp.data.sources.table_columns import NO_LABELS, column_of_images, columns_of_labels, undecoded
from ganexp.data.sources.table_labels import LabelColumns
from ganexp.data.sources.table_pictures import TablePictures
from ganexp.data.streaming.bounded_folder import BoundedFolder
from ganexp.data.streaming.row_groups import RowGroups
from ganexp.errors import UserError
from ganexp.files.cache import cache_folder

SAVED = ("state.json", "dataset_dict.json")
"""Files of data sets and of their splits that `save_to_disk` wrote."""


def parquet(
    path: str, split: str = "train", image_column: str | None = None, label_column: str | Sequence[str] | None = None
) -> TablePictures:
    """Return the images of parquet files, one or a folder of them, from the column ``image_column``.

    An image is encoded bytes, or a struct of bytes and path as Hugging Face datasets write it. By default the columns
    are the only one of images and the only one of classes (`label_column`: "none" for no labels). A column of lists, or
    several columns of 0 and 1, have attributes (`LabelColumns`). Files whose names or folders have the names of splits,
    such as train-00000.parquet, are those splits. The rows are kept in the cache folder in a form that can be read in
    any order.

    Raises UserError if there are no such files, no such split or column, or if it has no images.
    """
    place = Path(path).expanduser()
    if not place.exists():
        raise UserError(f"{place} does not exist: give a parquet file or a folder of them (data.path=PATH)")
    table = loaded(str(place), lambda hf: local_table(hf, place, split, "parquet"))
    return as_pictures(table, str(place), image_column, label_column, [place if place.is_dir() else place.parent])


def hugging_face(
    path: str,
    split: str = "train",
    image_column: str | None = None,
    label_column: str | Sequence[str] | None = None,
    subset: str | None = None,
    download: bool = True,
    streaming: bool = False,
    images: int | None = None,
    window: int = 10_000,
    cache_gb: float = 10,
    prefetch: int = 4,
) -> TablePictures | StreamedPictures | RowGroupPictures:
    """Return the images of a Hugging Face data set: a folder, or owner/name on the Hub.

    A folder is what `save_to_disk` wrote, or files that `load_dataset` reads. What has been downloaded before is used
    without asking the Hub. Columns are those of `parquet`; ``subset`` is the configuration of a data set that has
    several. Source: Lhoest et al., 2021, arXiv:2109.02846.

    With ``streaming``, a data set of the Hub is read over the network, and only its first ``images`` rows (None: all).
    Of parquet files, row groups are read in any order; at most ``cache_gb`` gigabytes of them are kept, training
    shuffles within a ``window`` of images, and ``prefetch`` row groups at once are downloaded before they are due
    (`RowGroupPictures`). Files of other kinds are read in order, for packing (`StreamedPictures`).

    Raises UserError if there is no such data set, split or column, or if it can be neither found nor downloaded.
    """
    place = Path(path).expanduser()
    if images is not None and not streaming:
        raise UserError(f"data.source.images={images} is for data.source.streaming=true")
    if place.is_dir():
        if streaming:
            raise UserError(f"data.source.streaming=true is for data sets on the Hub, and {place} is a folder")
        saved = any((place / name).is_file() for name in SAVED)
        # Absolute, since a relative one may have the name of a format.
        kind = str(place.absolute())
        table = loaded(path, lambda hf: saved_table(hf, place, split) if saved else local_table(hf, place, split, kind))
        return as_pictures(table, path, image_column, label_column, [place])
    if path.count("/") != 1 or path.startswith((".", "/", "~")):
        raise UserError(f"data.path={path}: neither a folder nor a data set on the Hugging Face Hub (owner/name)")
    if streaming:
        return streamed(path, split, image_column, label_column, subset, images, window, cache_gb, prefetch)
    table = loaded(path, lambda datasets: hub_table(datasets, path, subset, split, download))
    return as_pictures(table, path, image_column, label_column, [hub_cache()])


def streamed(
    path: str,
    split: str,
    image_column: str | None,
    label_column: str | Sequence[str] | None,
    subset: str | None,
    images: int | None,
    window: int,
    cache_gb: float,
    prefetch: int,
) -> StreamedPictures | RowGroupPictures:
    """Return the pictures of a data set on the Hub, to be read over the network; labels must have names.

    Raises UserError if the Hub cannot be reached, or if neither it nor ``images`` says how many rows there are.
    """
    version, rows, files = loaded(path, lambda datasets: hub_stream(datasets, path, subset, split))
    column = column_of_images(rows.features, path, image_column)
    labels = columns_of_labels(rows.features, path, label_column)
    if labels is not None and labels.names is None:
        raise UserError(
            f"data.source.label_column={label_column}: only labels with names can be streamed, of ClassLabel or from "
            "several columns of 0 and 1; data.source.streaming=false finds the names"
        )
    columns = [] if labels is None else labels.columns
    if files and all(file.endswith(".parquet") for file in files):
        groups = _row_groups(files, [column, *columns], images)
        kept = BoundedFolder(cache_folder("streams", f"{path.replace('/', '--')}-{version[:12]}"), int(cache_gb * GB))
        return RowGroupPictures(groups, kept, column, labels, path, version, window, prefetch)
    stated = (rows.info.splits or {}).get(split)
    stated_images = getattr(stated, "num_examples", None)
    if images is None and not stated_images:
        raise UserError(f"{path} does not say how many images it has: data.source.images=N")
    number = min(count for count in (images, stated_images) if count)
    return StreamedPictures(undecoded(rows, column, columns), column, labels, path, number, version)


def labels_on_the_hub(
    path: str, split: str, label_column: str | Sequence[str] | None, subset: str | None, download: bool, streaming: bool
) -> LabelColumns | None:
    """Return the columns of labels of a data set on the Hub without reading its rows, None for no labels.

    They are in the set's card, or in the schema of its parquet files. With ``streaming`` it is the Hub that is asked,
    else what has been downloaded before comes first.

    Raises UserError if neither can be read, or if there is no such column.
    """
    if label_column == NO_LABELS:
        return None
    by_hand = "data.num_classes=N, or null for no labels"
    if label_column is not None:
        by_hand = "data.num_classes=N and data.attributes=false (true: several for each image)"
    try:
        features = loaded(path, lambda datasets: hub_columns(datasets, path, subset, split, download, streaming))
    except UserError as error:
        raise UserError(f"{error}; to go on without: {by_hand}") from error
    if label_column is not None and not features:
        raise UserError(f"data.source.label_column={label_column}: {path} does not describe its columns: {by_hand}")
    return columns_of_labels(features, path, label_column)


def _row_groups(files: list[str], columns: list[str], images: int | None) -> RowGroups:
    from huggingface_hub import HfFileSystem

    return RowGroups(HfFileSystem(), files, columns, images)


def as_pictures(
    table: Any, where: str, image_column: str | None, label_column: str | Sequence[str] | None, folders: list[Path]
) -> TablePictures:
    """Return the pictures of a table of the package datasets.

    Raises UserError for columns that do not exist, are not images, or have to be chosen.
    """
    column = column_of_images(table.features, where, image_column)
    labels, classes = _read(columns_of_labels(table.features, where, label_column), table)
    return TablePictures(undecoded(table, column), column, labels, classes, where, folders)


def _read(columns: LabelColumns | None, table: Any) -> tuple[np.ndarray | None, list[str]]:
    if columns is None:
        return None, []
    values = {column: table.data.column(column).to_pylist() for column in columns.columns}
    # Splits for testing are published without labels. An attribute of -1 is one that does not apply.
    missing = (None,) if columns.has_attributes else (None, -1)
    if columns.names is not None and all(value in missing for rows in values.values() for value in rows):
        return None, []
    return columns.read(values)
