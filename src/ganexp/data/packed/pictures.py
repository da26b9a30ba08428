"""Images of a packed set, read by number from its shards."""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ganexp.data.depth.planes import Planes
from ganexp.data.depth.value_range import ValueRange
from ganexp.data.packed.index import AGAIN, Header, Label, read_whole_index, shard_name
from ganexp.data.packed.layout import Layout
from ganexp.data.shards.files import ShardFiles
from ganexp.errors import UserError
from ganexp.terminal.text import first_names


class PackedPictures:
    """Images (height, width, channels) of a packed set with their labels: uint8, or float32 in [-1, 1] with a range.

    ``labels`` are class numbers (N,), or attributes (N, A) of 0 and 1.

    Raises UserError if shards are missing, or are not as long as the index says.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.header, shards = read_whole_index(folder)
        self.classes = list(self.header.classes)
        self.labels = _labels(self.header, [label for shard in shards for label in shard.labels])
        self.version = hashlib.sha256("".join(shard.sha256 for shard in shards).encode()).hexdigest()
        self.layout = Layout(self.header)
        self.value_range = None if self.header.value_range is None else ValueRange(*self.header.value_range)
        self.files = [folder / shard_name(number) for number in range(self.header.shards)]
        self._shards = ShardFiles(self.files)
        self._require_sizes()

    def __len__(self) -> int:
        return self.header.images

    def __getitem__(self, index: int) -> tuple[np.ndarray | Planes, Any]:
        (stored,) = self.read([index])
        picture = stored if self.value_range is None else Planes(stored, self.value_range)
        return picture, 0 if self.labels is None else self.labels[index]

    def read(self, indices: Sequence[int]) -> np.ndarray:
        """Return images (B, height, width, channels) as stored; raises ValueError if a shard ends early."""
        batch = np.empty((len(indices), *self.layout.shape), dtype=self.layout.dtype)
        rows = batch.reshape(len(indices), -1)
        # In the order of the files, which is the shortest way for a disk.
        for row in np.argsort(indices, kind="stable").tolist():
            shard, place = divmod(int(indices[row]), self.header.shard_size)
            self._shards.read_into(shard, rows[row], self.layout.offset(place))
        return batch

    def name(self, index: int) -> str:
        """Return the shard and the key of one picture."""
        return f"{self.folder / shard_name(index // self.header.shard_size)}:{index:09d}"

    def _require_sizes(self) -> None:
        names = []
        for number, path in enumerate(self.files):
            expected = self.layout.size(number)
            if path.is_symlink() or not path.is_file():
                names.append(f"{path.name} ({'a link' if path.is_symlink() else 'missing'})")
            elif path.stat().st_size != expected:
                names.append(f"{path.name} ({path.stat().st_size:,} bytes instead of {expected:,})")
        if names:
            raise UserError(
                f"{self.folder}: {len(names):,} shards are not whole: {first_names(names)}. To repair, {AGAIN}"
            )


def _labels(header: Header, labels: Sequence[Label]) -> np.ndarray | None:
    if not header.classes:
        return None
    if not header.attributes:
        return np.asarray(labels, dtype=np.int64)
    attributes = np.zeros((len(labels), len(header.classes)), dtype=np.int8)
    for row, label in enumerate(labels):
        attributes[row, label] = 1
    return attributes
