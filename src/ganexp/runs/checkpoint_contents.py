"""Contents of a checkpoint that every reader relies on: plain values and dense tensors, weights, counters, settings."""

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn

from ganexp.files.saved_values import (
    SHOWN,
    brief,
    entry,
    require_count,
    require_dict,
    require_list,
    require_number,
    unexpected,
)
from ganexp.game.module import COUNTERS

MAX_DEPTH = 50
MAX_VALUES = 2_000_000
LARGEST = 2**64
"""Bound on the whole numbers of settings, such as a seed."""
METADATA = "_metadata"
"""Attribute of a state_dict: the versions of its modules, by name."""
PLAIN = (bool, int, float, str, bytes, type(None), torch.dtype, torch.Size)


def require_contents(contents: dict[str, Any], file_bytes: int) -> None:
    """Raise NotACheckpoint unless a checkpoint of ``file_bytes`` has what sampling and training read first."""
    require_plain(contents, file_bytes)
    require_dict(contents, "it")
    weights = require_dict(entry(contents, "state_dict"), "state_dict")
    for module, versions in require_dict(getattr(weights, METADATA, {}), "state_dict").items():
        for version in require_dict(versions, f"state_dict.{module}").values():
            require_count(version, f"state_dict.{module}")
    require_counters(contents[COUNTERS])
    callbacks = contents.get("callbacks", {})
    for name, state in require_dict(callbacks, "callbacks").items():
        require_dict(state, f"callbacks.{name}"[:SHOWN])
    settings = callbacks.get("Settings", {}).get("settings")
    if settings is not None:
        require_settings(settings, "callbacks.Settings.settings")


def require_settings(settings: Any, where: str) -> None:
    """Raise NotACheckpoint unless settings are values that a configuration has, and that can be compared and written.

    Not so a tensor, which compares element by element, and a whole number that Python refuses to write out.
    """
    for name, value in require_dict(settings, where).items():
        place = f"{where}.{name[:SHOWN]}"
        if isinstance(value, dict):
            require_settings(value, place)
        elif isinstance(value, list):
            require_settings({str(number): part for number, part in enumerate(value)}, place)
        elif not isinstance(value, bool | int | float | str | None) or (type(value) is int and abs(value) > LARGEST):
            raise unexpected(place, value, "a setting")


def require_counters(counters: Any) -> None:
    """Raise NotACheckpoint unless a game's counters are possible, and the loss terms not yet read are numbers."""
    require_dict(counters, COUNTERS)
    images = require_count(entry(counters, "images_seen"), f"{COUNTERS}.images_seen")
    batches = require_count(entry(counters, "batches_seen"), f"{COUNTERS}.batches_seen")
    if not min(images, 1) <= batches <= images:
        raise unexpected(f"{COUNTERS}.batches_seen", batches, f"at most one batch for each of {images} images")
    if require_count(counters.get("ranks", 1), f"{COUNTERS}.ranks") == 0:
        raise unexpected(f"{COUNTERS}.ranks", 0, "1 or more")
    if require_number(counters.get("rate", 1.0), f"{COUNTERS}.rate") <= 0:
        raise unexpected(f"{COUNTERS}.rate", counters["rate"], "a number above 0")
    where = f"{COUNTERS}.unread_terms"
    for turns in require_dict(entry(counters, "unread_terms"), where).values():
        for terms in require_list(turns, where):
            for value in require_dict(terms, where).values():
                require_number(value, where, finite=False)


def require_plain(contents: Any, file_bytes: int) -> None:
    """Raise NotACheckpoint unless everything in ``contents`` is a plain value or a dense tensor on the CPU.

    Values may be nested 50 levels deep, and a value in several places counts as several, so that whatever walks through
    the contents comes to an end. The tensors take at most ``file_bytes`` of memory.
    """
    pending: list[Iterator[tuple[str, Any]]] = [parts(contents)]
    names: list[str] = []
    storages: dict[int, int] = {}
    count = 0
    while pending:
        name, value = next(pending[-1], (None, None))
        if name is None:
            pending.pop()
            del names[-1:]
            continue
        where = ".".join([*names, name])
        count += 1
        if count > MAX_VALUES or len(pending) > MAX_DEPTH:
            raise unexpected(where[:SHOWN], value, f"at most {MAX_VALUES:,} values, {MAX_DEPTH} levels deep,")
        if isinstance(value, dict | list) or type(value) is tuple:
            pending.append(parts(value))
            names.append(name)
        elif isinstance(value, Tensor):
            require_strided(value, where)
            storages[value.untyped_storage().data_ptr()] = value.untyped_storage().nbytes()
        elif type(value) not in PLAIN:
            raise unexpected(where, value, "a number, a text or a tensor")
    if sum(storages.values()) > file_bytes:
        raise unexpected("the size of the tensors", sum(storages.values()), f"at most the file's {file_bytes:,}")


def parts(value: Any) -> Iterator[tuple[str, Any]]:
    """Yield the parts of a container by name or number."""
    # The attributes of an OrderedDict take precedence over its methods.
    attributes = getattr(value, "__dict__", {})
    if not set(attributes) <= {METADATA}:
        raise unexpected("a dict", value, "no attribute")
    yield from attributes.items()
    for name, part in dict.items(value) if isinstance(value, dict) else enumerate(value):
        yield name[:SHOWN] if isinstance(name, str) else brief(name), part


def require_strided(tensor: Tensor, where: str) -> None:
    """Raise NotACheckpoint for a tensor without elements in the CPU's memory, such as a sparse or quantized one."""
    is_plain = type(tensor) in (Tensor, nn.Parameter) and not tensor.is_quantized
    if not is_plain or tensor.layout != torch.strided or tensor.device.type != "cpu":
        raise unexpected(where, tensor, "a dense tensor on the CPU")


def kind(tensor: Tensor) -> str:
    """Return the kind of a tensor's numbers; only within a kind can they be converted."""
    return "complex" if tensor.is_complex() else "floating" if tensor.is_floating_point() else "whole"
