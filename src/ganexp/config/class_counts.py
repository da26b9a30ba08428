"""Numbers of classes of tables and shards, which only their sources can tell."""

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

from ganexp.config.folders import TRUST


def parquet_classes(path: str, split: str, image_column: str | None, label_column: str | None) -> int | None:
    """Return the number of classes of parquet files, None without labels; raises the UserErrors of their source."""
    return _count(lambda sources: sources.parquet(path, split, image_column, label_column))


def hf_classes(
    path: str,
    split: str,
    image_column: str | None,
    label_column: str | None,
    subset: str | None = None,
    download: bool = True,
    streaming: bool = False,
    *,
    _root_: Any = None,
) -> int | None:
    """Return the number of classes of a Hugging Face data set, in a folder or on the Hub, None without labels.

    None also for a data set on the Hub that only a run's folder names, which must not lead to downloads. Raises the
    UserErrors of its source.
    """
    if Path(path).expanduser().is_dir():
        return _count(lambda sources: sources.hugging_face(path, split, image_column, label_column))
    trusted = None if _root_ is None else _root_.get(TRUST)
    if trusted is not None and path not in trusted:
        return None
    return _on_the_hub(path, split, label_column, subset, download, streaming)


@cache
def _on_the_hub(
    path: str, split: str, label_column: str | None, subset: str | None, download: bool, streaming: bool
) -> int | None:
    from ganexp.data.sources import classes_on_the_hub

    return len(classes_on_the_hub(path, split, label_column, subset, download, streaming)) or None


def webdataset_classes(path: str) -> int | None:
    """Return the number of classes of tar shards, None without labels; raises the UserErrors of their source."""
    return _count(lambda sources: sources.webdataset(path))


def _count(opened: Callable[[Any], Any]) -> int | None:
    # Heavy, and needed for these data alone.
    from ganexp.data import sources

    return len(opened(sources).classes) or None
