"""Numbers of classes or attributes of tables and shards, which only their sources can tell."""

from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from ganexp.config.folders import TRUST
from ganexp.errors import UserError

Columns = str | Sequence[str] | None
"""A setting of columns of labels: one, several, or the one that is found."""


def parquet_classes(path: str, split: str, image_column: str | None, label_column: Columns) -> int | None:
    """Return the number of classes or attributes of parquet files, None without labels.

    Raises the UserErrors of their source.
    """
    return _count(lambda sources: sources.parquet(path, split, image_column, label_column))


def parquet_attributes(path: str, split: str, image_column: str | None, label_column: Columns) -> bool:
    """Return whether parquet files have several attributes for each image; raises the UserErrors of their source."""
    if not isinstance(label_column, str):
        return label_column is not None
    return _has_attributes(lambda sources: sources.parquet(path, split, image_column, label_column))


def hf_classes(
    path: str,
    split: str,
    image_column: str | None,
    label_column: Columns,
    subset: str | None = None,
    download: bool = True,
    streaming: bool = False,
    *,
    _root_: Any = None,
) -> int | None:
    """Return the number of classes or attributes of a Hugging Face data set, in a folder or on the Hub.

    None without labels, also for a data set on the Hub that only a run's folder names, which must not lead to
    downloads. Raises the UserErrors of its source.
    """
    if Path(path).expanduser().is_dir():
        return _count(lambda sources: sources.hugging_face(path, split, image_column, label_column))
    if not _may_be_asked(path, _root_):
        return None
    labels = _on_the_hub(path, split, _hashable(label_column), subset, download, streaming)
    if labels is None:
        return None
    if labels.names is None:
        raise UserError(
            f"data.source.label_column={label_column}: {path} has no names of its classes: data.num_classes=N, or null "
            "for no labels"
        )
    return len(labels.names)


def hf_attributes(
    path: str,
    split: str,
    image_column: str | None,
    label_column: Columns,
    subset: str | None = None,
    download: bool = True,
    streaming: bool = False,
    *,
    _root_: Any = None,
) -> bool:
    """Return whether a Hugging Face data set has several attributes for each image.

    False also for a data set on the Hub that only a run's folder names. Raises the UserErrors of its source.
    """
    if not isinstance(label_column, str):
        return label_column is not None
    if Path(path).expanduser().is_dir():
        return _has_attributes(lambda sources: sources.hugging_face(path, split, image_column, label_column))
    if not _may_be_asked(path, _root_):
        return False
    labels = _on_the_hub(path, split, label_column, subset, download, streaming)
    return labels is not None and labels.has_attributes


def webdataset_classes(path: str) -> int | None:
    """Return the number of classes of tar shards, None without labels; raises the UserErrors of their source."""
    return _count(lambda sources: sources.webdataset(path))


def _may_be_asked(path: str, root: Any) -> bool:
    trusted = None if root is None else root.get(TRUST)
    return trusted is None or path in trusted


def _hashable(columns: Columns) -> Columns:
    return columns if columns is None or isinstance(columns, str) else tuple(columns)


@cache
def _on_the_hub(
    path: str, split: str, label_column: Columns, subset: str | None, download: bool, streaming: bool
) -> Any:
    from ganexp.data.sources import labels_on_the_hub

    return labels_on_the_hub(path, split, label_column, subset, download, streaming)


def _count(opened: Callable[[Any], Any]) -> int | None:
    # Heavy, and needed for these data alone.
    from ganexp.data import sources

    return len(opened(sources).classes) or None


def _has_attributes(opened: Callable[[Any], Any]) -> bool:
    from ganexp.data import sources
    from ganexp.data.pictures import has_attributes

    return has_attributes(opened(sources))
