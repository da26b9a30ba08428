"""Tables that the package datasets opens, on the disk or on the Hugging Face Hub, with one line for each failure."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from ganexp.errors import UserError, one_line
from ganexp.files.cache import cache_folder, one_process_at_a_time


def loaded(where: str, load: Callable[[Any], Any]) -> Any:
    """Return what a function loads with the package datasets, whose errors become one line.

    Raises UserError if the package is missing, or with the reason why nothing can be loaded.
    """
    try:
        import datasets
    except ImportError as error:
        raise UserError("this needs the package datasets: pip install 'ganexp[hf]'") from error
    if not sys.stderr.isatty():
        datasets.disable_progress_bars()
    try:
        return load(datasets)
    except UserError:
        raise
    except Exception as error:  # readers of many formats raise nearly anything
        raise UserError(f"{where} cannot be read as a data set: {one_line(_first_cause(error))}") from error


def local_table(datasets: Any, place: Path, split: str, kind: str) -> Any:
    """Return the split of files of a kind that `load_dataset` reads, from a place on the disk."""
    files = {split: str(place)} if place.is_file() else None
    folder = str(place) if place.is_dir() and kind == "parquet" else None
    # The description in a folder from somebody else may name files of other places.
    with one_process_at_a_time(place), _offline(datasets):
        cache = str(cache_folder("datasets"))
        return datasets.load_dataset(kind, data_dir=folder, data_files=files, split=split, cache_dir=cache)


def saved_table(datasets: Any, place: Path, split: str) -> Any:
    """Return the split of a folder that `save_to_disk` wrote; raises UserError if it has none of that name."""
    table = datasets.load_from_disk(str(place))
    if not isinstance(table, dict):
        return table
    if split not in table:
        raise UserError(f"{place} has no split {split!r}: data.source.split={'|'.join(table)}")
    return table[split]


def hub_table(datasets: Any, path: str, subset: str | None, split: str, download: bool) -> Any:
    """Return a split of a data set on the Hub, without asking the Hub for one that has been downloaded before.

    Raises UserError if it is not there and the Hub cannot be reached, or may not be asked without ``download``.
    """
    try:
        with _offline(datasets):
            return datasets.load_dataset(path, subset, split=split)
    except (ConnectionError, FileNotFoundError, ValueError) as error:
        if datasets.config.HF_HUB_OFFLINE or not download:
            raise UserError(f"{_not_downloaded(path)}; a folder with its files: data.path=FOLDER") from error
    try:
        return datasets.load_dataset(path, subset, split=split)
    except ConnectionError as error:
        raise UserError(
            f"data.path={path}: it has not been downloaded, and the Hugging Face Hub cannot be reached "
            f"({one_line(_first_cause(error))}); a folder with its files: data.path=FOLDER"
        ) from error


def hub_columns(datasets: Any, path: str, subset: str | None, split: str, download: bool, streaming: bool) -> Any:
    """Return the kinds of all columns, by name; empty where nothing describes them."""
    if not streaming:
        # The cache has what the Hub had, so the answer is the same.
        with suppress(Exception), _offline(datasets):
            return datasets.load_dataset_builder(path, subset).info.features or {}
        if datasets.config.HF_HUB_OFFLINE or not download:
            raise UserError(_not_downloaded(path))
    return datasets.load_dataset(path, subset, split=split, streaming=True).features or {}


def hub_stream(datasets: Any, path: str, subset: str | None, split: str) -> tuple[str, Any, list[str]]:
    """Return the commit of a data set on the Hub, its rows with known features, and the split's files."""
    from huggingface_hub import HfApi

    commit = str(HfApi().dataset_info(path).sha)
    rows = datasets.load_dataset(path, subset, split=split, revision=commit, streaming=True)
    builder = datasets.load_dataset_builder(path, subset, revision=commit)
    files = (builder.config.data_files or {}).get(split, [])
    # Files without a description say only in their first rows which columns they have.
    return commit, rows if rows.features else rows._resolve_features(), [str(file) for file in files]


def hub_cache() -> Path:
    """Return the folder that data sets of the Hub are downloaded to."""
    from huggingface_hub.constants import HF_HUB_CACHE

    return Path(HF_HUB_CACHE)


@contextmanager
def _offline(datasets: Any) -> Iterator[None]:
    """Let datasets use what it has downloaded before, without asking the Hub whether there is something newer."""
    before, verbosity = datasets.config.HF_HUB_OFFLINE, datasets.logging.get_verbosity()
    datasets.config.HF_HUB_OFFLINE = True
    # It would warn that the Hub has not been asked.
    datasets.logging.set_verbosity_error()
    try:
        yield
    finally:
        datasets.config.HF_HUB_OFFLINE = before
        datasets.logging.set_verbosity(verbosity)


def _not_downloaded(path: str) -> str:
    why = "it has not been downloaded, and downloading is switched off (HF_HUB_OFFLINE or data.source.download)"
    return f"data.path={path}: {why}"


def _first_cause(error: BaseException) -> BaseException:
    while error.__cause__ is not None:
        error = error.__cause__
    return error
