"""Disk cache of expensive tensors, verified on load."""

import logging
import os
import platform
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import torch

from ganexp.errors import UserError, one_line
from ganexp.files.cache import cache_folder, one_process_at_a_time, writable
from ganexp.files.weights import checksum_of, load

log = logging.getLogger(__name__)

Content = Mapping[str, Any]
"""Tensors and plain values by name, nested or not."""


def cached(kind: str, key: str, make: Callable[[], Content]) -> Content:
    """Return the result of ``make``, from the cache if possible; ``key`` must identify everything it depends on.

    Of several concurrent processes, one computes the result and the others wait. A file that is damaged or belongs to
    another key is recomputed. If the cache is not writable, nothing is stored.
    """
    try:
        path = cache_folder(kind) / f"{key}.pt"
        may_write = writable(path.parent) and writable(cache_folder("locks"))
    except UserError as error:
        log.warning("%s Not cached: %s", error, kind)
        return make()
    with one_process_at_a_time(path) if may_write else nullcontext():
        content = _read(path, key)
        if content is None:
            content = make()
            if may_write:
                _write(path, key, content)
            else:
                log.warning("the cache folder %s is not writable: %s are recomputed in every run", path.parent, kind)
    return content


def load_cached(path: Path) -> Content:
    """Return the content of a cache file written by `cached`.

    Raises UserError if the file cannot be read, is damaged, contains code or is not a cache file.
    """
    content: Content = _checked(path)["content"]
    return content


def _checked(path: Path) -> dict[str, Any]:
    file = load(path)
    try:
        is_intact = file.pop("checksum", None) == checksum_of(file) and isinstance(file.get("content"), dict)
    except (RuntimeError, TypeError):  # tensor types that ganexp does not write
        is_intact = False
    if not is_intact:
        raise UserError(f"{path} is damaged, or not a file of ganexp's cache")
    return file


def _read(path: Path, key: str) -> Content | None:
    if not path.exists():
        return None
    try:
        file = _checked(path)
        if file["key"] != key:
            raise UserError(f"{path} was cached under another key")
    except UserError as error:
        log.warning("cache: %s; recomputing it", error)
        return None
    content: Content = file["content"]
    return content


def _write(path: Path, key: str, content: Content) -> None:
    part = path.with_name(f".{path.name}.{platform.node()}.{os.getpid()}.part")
    file = {"key": key, "content": content}
    try:
        torch.save({**file, "checksum": checksum_of(file)}, part)
        part.replace(path)
    except (OSError, RuntimeError) as error:
        log.warning("cache: %s cannot be written: %s", path, one_line(error))
    finally:
        part.unlink(missing_ok=True)
