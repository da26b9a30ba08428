"""Index of a tar shard in WebDataset's format: where the image of each sample is, and the samples' labels."""

import hashlib
import json
import os
import platform
import tarfile
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

import numpy as np

from ganexp.data.files.file_kinds import SUFFIXES
from ganexp.files.cache import cache_folder

ARRAY = "npy"
LABELS = ("cls", "json")
JSON_KEYS = ("label", "cls", "class")
MOST_LABEL_BYTES = 1 << 20
LONGEST_LABEL, LONGEST_NAME = 100, 1000
"""In characters: the arrays of labels and keys are as wide as the longest."""
VERSION = 1


class ShardIndex(NamedTuple):
    """The samples of a shard: keys (bytes), offsets and sizes of their images, and labels as text, "" for none.

    ``arrays`` says which images are arrays (.npy).
    """

    keys: np.ndarray
    offsets: np.ndarray
    sizes: np.ndarray
    arrays: np.ndarray
    labels: np.ndarray


@dataclass
class Faults:
    """What is wrong with shards, by kind: the names of shards, or of their members."""

    damaged: list[str] = field(default_factory=list)
    unsafe: list[str] = field(default_factory=list)
    duplicates: list[str] = field(default_factory=list)


@dataclass
class _Sample:
    offset: int = -1
    size: int = 0
    suffix: str = ""
    label: str = ""


def indexed(path: Path, faults: Faults) -> ShardIndex:
    """Return the index of a shard, from the cache if the file has not changed; faults are added to the given ones."""
    state = path.stat()
    identity = f"{VERSION} {path.absolute()} {state.st_size} {state.st_mtime_ns}"
    cached = cache_folder("webdataset") / f"{hashlib.blake2b(identity.encode(), digest_size=16).hexdigest()}.npz"
    if cached.is_file():
        with np.load(cached, allow_pickle=False) as arrays:
            return ShardIndex(**arrays)
    own = Faults()
    index = _arrays(_scanned(path, own))
    for kind, names in vars(own).items():
        getattr(faults, kind).extend(names)
    if not any(vars(own).values()):
        part = cached.with_name(f"{cached.stem}.{platform.node()}.{os.getpid()}.part.npz")
        np.savez(part, **index._asdict())
        part.replace(cached)
    return index


def _scanned(path: Path, faults: Faults) -> dict[str, _Sample]:
    samples: dict[str, _Sample] = {}
    try:
        with tarfile.open(path, "r:") as tar:
            for member in tar:
                # Or tarfile would keep all of them.
                tar.members = []  # type: ignore[attr-defined]
                _add(tar, member, f"{path.name}:{member.name}", samples, faults)
            end = tar.offset
        with path.open("rb") as file:
            file.seek(end)
            # tarfile takes damage and a missing end for the end.
            if file.read(tarfile.BLOCKSIZE) != bytes(tarfile.BLOCKSIZE):
                faults.damaged.append(path.name)
    except (tarfile.TarError, EOFError, ValueError, OverflowError):
        faults.damaged.append(path.name)
        # Places that no file has would not fit into an array.
        return {}
    return {key: sample for key, sample in samples.items() if sample.offset >= 0}


def _add(tar: tarfile.TarFile, member: tarfile.TarInfo, name: str, samples: dict[str, _Sample], faults: Faults) -> None:
    place = PurePosixPath(member.name)
    is_odd = member.sparse is not None or not (member.isreg() or member.isdir())
    is_long = len(member.name) > LONGEST_NAME
    if is_odd or is_long or place.is_absolute() or ".." in place.parts or "\\" in member.name:
        faults.unsafe.append(name)
        return
    if member.isdir() or place.name.startswith((".", "__")):
        return
    stem, _, suffix = place.name.partition(".")
    suffix = suffix.lower()
    sample = samples.setdefault(str(place.with_name(stem)), _Sample())
    if suffix in LABELS:
        # .cls comes before .json, which may have more than a label.
        if suffix == "cls" or not sample.label:
            sample.label = _label(tar, member, suffix)
    elif suffix == ARRAY or f".{suffix}" in SUFFIXES:
        if sample.offset >= 0:
            faults.duplicates.append(name)
            return
        sample.offset, sample.size, sample.suffix = member.offset_data, member.size, suffix


def _label(tar: tarfile.TarFile, member: tarfile.TarInfo, suffix: str) -> str:
    file = tar.extractfile(member)
    if file is None or member.size > MOST_LABEL_BYTES:
        return ""
    text = file.read().decode(errors="replace").strip()
    label = text if suffix == "cls" else _label_in(text)
    return label if len(label) <= LONGEST_LABEL else ""


def _label_in(text: str) -> str:
    try:
        content: Any = json.loads(text)
    except (ValueError, RecursionError):
        return ""
    values = [content[key] for key in JSON_KEYS if key in content] if isinstance(content, dict) else [content]
    return str(values[0]) if values and isinstance(values[0], int | str) and not isinstance(values[0], bool) else ""


def _arrays(samples: dict[str, _Sample]) -> ShardIndex:
    values = list(samples.values())
    return ShardIndex(
        keys=np.asarray([os.fsencode(key) for key in samples], dtype=np.bytes_),
        offsets=np.asarray([sample.offset for sample in values], dtype=np.int64),
        sizes=np.asarray([sample.size for sample in values], dtype=np.int64),
        arrays=np.asarray([sample.suffix == ARRAY for sample in values], dtype=np.bool_),
        labels=np.asarray([sample.label for sample in values], dtype=np.str_),
    )
