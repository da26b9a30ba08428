"""Pictures in tar shards of WebDataset's format, read by number without unpacking."""

import hashlib
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ganexp.data.shards.class_numbers import numbered, rows_without_labels
from ganexp.data.shards.files import ShardFiles
from ganexp.data.shards.tar_index import Faults, ShardIndex, indexed
from ganexp.errors import UserError, one_line
from ganexp.files.pictures import open_picture
from ganexp.terminal.progress import progress
from ganexp.terminal.text import first_names


class TarPictures:
    """Pictures of tar shards, in the order of the shards, with the labels of their .cls or .json files.

    Raises UserError, naming the first three and their number, for shards that are cut short, members that are links or
    lead out of the shard's folder, two images of one key, and samples without a label where others have one.
    """

    def __init__(self, paths: Sequence[Path], where: str) -> None:
        self.files = list(paths)
        self._files = ShardFiles(self.files)
        shards = _indexed(paths, where)
        self.shards = np.repeat(np.arange(len(paths)), [len(shard.keys) for shard in shards])
        self.keys, self.offsets, self.sizes, self.arrays = (
            np.concatenate([getattr(shard, name) for shard in shards]) for name in ShardIndex._fields[:4]
        )
        states = [f"{path.name} {path.stat().st_size} {path.stat().st_mtime_ns}" for path in paths]
        self.version = hashlib.blake2b("\n".join(states).encode(), digest_size=16).hexdigest()
        self.labels, self.classes = self._labels([text for shard in shards for text in shard.labels.tolist()], where)

    def __len__(self) -> int:
        return len(self.shards)

    def __getitem__(self, index: int) -> tuple[Any, int]:
        content = bytearray(int(self.sizes[index]))
        self._files.read_into(int(self.shards[index]), content, int(self.offsets[index]))
        label = 0 if self.labels is None else int(self.labels[index])
        if self.arrays[index]:
            return array_of(bytes(content)), label
        image = open_picture(io.BytesIO(content))
        image.load()
        return image, label

    def name(self, index: int) -> str:
        """Return the shard and the key of one picture."""
        return f"{self.files[self.shards[index]]}:{bytes(self.keys[index]).decode(errors='replace')}"

    def _labels(self, texts: list[str], where: str) -> tuple[np.ndarray | None, list[str]]:
        without = [self.name(index) for index, text in enumerate(texts) if not text]
        if len(without) == len(texts):
            return None, []
        if without:
            raise rows_without_labels(without, where)
        are_numbers = all(text.isascii() and text.isdigit() and len(text) < 10 for text in texts)
        return numbered([int(text) for text in texts] if are_numbers else texts, where)


def array_of(content: bytes) -> np.ndarray:
    """Return the array of an .npy file; raises ValueError for objects, and unless its data are as long as it says."""
    file = io.BytesIO(content)
    try:
        version = np.lib.format.read_magic(file)
        read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, is_fortran, dtype = read(file)
    except Exception as error:  # a damaged header makes NumPy raise nearly anything
        raise ValueError(f"not an array: {one_line(error)}") from error
    data = content[file.tell() :]
    if dtype.hasobject or is_fortran or len(data) != dtype.itemsize * int(np.prod(shape, dtype=np.float64)):
        raise ValueError("not an array of numbers in C order, as long as it says")
    return np.frombuffer(data, dtype).reshape(shape)


def _indexed(paths: Sequence[Path], where: str) -> list[ShardIndex]:
    faults = Faults()
    with progress("reading the shards' tables of contents", len(paths)) as advance:
        shards = []
        for path in paths:
            shards.append(indexed(path, faults))
            advance(1)
    _require_none(faults.damaged, where, "shards are cut short, damaged or compressed", "copy them again, uncompressed")
    _require_none(
        faults.unsafe, where, "members are links, lead out of the folder or have endless names", "pack the images again"
    )
    _require_none(faults.duplicates, where, "keys have more than one image", "give every image a key of its own")
    if not any(len(shard.keys) for shard in shards):
        raise UserError(f"{where} has no images: samples such as 0001.jpg with 0001.cls are expected in the tar files")
    return shards


def _require_none(names: Sequence[str], where: str, what: str, remedy: str) -> None:
    if names:
        raise UserError(f"{where}: {len(names):,} {what}: {first_names(names)}. Remedy: {remedy}")
