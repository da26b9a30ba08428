"""Numbers of classes of tables and shards, which only their sources can tell."""

from collections.abc import Callable
from pathlib import Path
from typing import Any


def parquet_classes(path: str, split: str, image_column: str | None, label_column: str | None) -> int | None:
    """Return the number of classes of parquet files, None without labels; raises the UserErrors of their source."""
    return _count(lambda sources: sources.parquet(path, split, image_column, label_column))


def hf_classes(path: str, split: str, image_column: str | None, label_column: str | None) -> int | None:
    """Return the number of classes of a Hugging Face data set in a folder, None without labels or on the Hub.

    Raises the UserErrors of its source.
    """
    # The number must not depend on what has been downloaded before, nor a configuration download anything.
    if not Path(path).expanduser().is_dir():
        return None
    return _count(lambda sources: sources.hugging_face(path, split, image_column, label_column))


def webdataset_classes(path: str) -> int | None:
    """Return the number of classes of tar shards, None without labels; raises the UserErrors of their source."""
    return _count(lambda sources: sources.webdataset(path))


def _count(opened: Callable[[Any], Any]) -> int | None:
    # Heavy, and needed for these data alone.
    from ganexp.data import sources

    return len(opened(sources).classes) or None
