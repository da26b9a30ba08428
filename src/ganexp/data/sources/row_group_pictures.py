"""Pictures of parquet files that are read over the network, a row group at a time, in any order."""

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from ganexp.data.sources.table_labels import LabelColumns, label_of
from ganexp.data.sources.table_pictures import EncodedPictures
from ganexp.data.streaming.bounded_folder import BoundedFolder
from ganexp.data.streaming.prefetch import Prefetch
from ganexp.data.streaming.row_groups import RowGroups
from ganexp.data.streaming.window_order import WindowShuffled
from ganexp.errors import UserError

GB = 1e9


class RowGroupPictures(EncodedPictures):
    """Pictures encoded in a column of row groups, each of which is downloaded into a bounded folder when it is needed.

    All processes of a machine share the folder. Their ``labels`` have names (None: unlabelled). `epoch_order`
    is an order for training that needs only the row groups of a window of ``window`` pictures at a time, of which
    ``prefetched`` row groups at once are downloaded before they are due (0: none). `version` is the data set's, and
    `revision` that of exactly these pictures.

    Raises UserError if the folder has no room for two windows, as it would be filled again and again.
    """

    def __init__(
        self,
        groups: RowGroups,
        kept: BoundedFolder,
        column: str,
        labels: LabelColumns | None,
        where: str,
        version: str,
        window: int,
        prefetched: int,
    ) -> None:
        super().__init__(column, [] if labels is None else labels.names or [], where)
        self.label_columns = labels
        self.has_attributes = labels is not None and labels.has_attributes
        self.version = version
        self.groups = groups
        self.kept = kept
        self.epoch_order = WindowShuffled(groups.rows.tolist(), window)
        self._require_room(window)
        self.window = window
        self.prefetched = prefetched
        self._largest = int(groups.rows.max(initial=1))
        self._most_open = 2 * (window // self._largest + 2)
        self._open: OrderedDict[int, Any] = OrderedDict()
        self._lock = threading.Lock()

    @cached_property
    def labels(self) -> np.ndarray | None:
        """The labels of all pictures, class numbers (N,) or attributes (N, A), by reading their columns alone."""
        if self.label_columns is None:
            return None
        columns = self.label_columns.columns
        key = f"{self.revision} {columns}"
        table = self.kept.read(key, lambda path: self.groups.write_columns(columns, path), mapped)
        return self.label_columns.read({name: table.column(name).to_pylist() for name in columns}).numbers

    @property
    def revision(self) -> str:
        """A checksum of the files' paths, which have the commit, and of the rows that are read of each."""
        content = f"{self.groups.files} {self.groups.columns} {self.groups.groups}"
        return hashlib.blake2b(content.encode(), digest_size=16).hexdigest()

    @property
    def prefetch(self) -> Prefetch | None:
        """What is downloaded before it is due, within the room that two windows take; None if nothing is."""
        if not self.prefetched:
            return None
        within = min(self.prefetched * self._largest, self.window + self._largest)
        return Prefetch(within, self.prefetched, lambda index: self.groups.place(index)[0], self._fetch)

    def __len__(self) -> int:
        return int(self.groups.rows.sum())

    def __getitem__(self, index: int) -> tuple[Image.Image, Any]:
        group, place = self.groups.place(index)
        table = self._table(group)
        row = {name: table.column(name)[place].as_py() for name in self.groups.columns}
        return self._opened(row), 0 if self.label_columns is None else label_of(row, self.label_columns, index)

    def __getstate__(self) -> dict[str, Any]:
        """Leave out what belongs to one process, for workers that are not forked."""
        return self.__dict__ | {"_open": OrderedDict(), "_lock": None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Restore what `__getstate__` returned."""
        self.__dict__ |= state | {"_lock": threading.Lock()}

    def _table(self, group: int) -> Any:
        with self._lock:
            if group not in self._open:
                self._open[group] = self._kept(group, mapped)
                if len(self._open) > self._most_open:
                    self._open.popitem(last=False)
            self._open.move_to_end(group)
            return self._open[group]

    def _fetch(self, group: int) -> None:
        self._kept(group, Path.stat)

    def _kept(self, group: int, read: Callable[[Path], Any]) -> Any:
        return self.kept.read(self.groups.key(group), lambda path: self.groups.write(group, path), read)

    def _require_room(self, window: int) -> None:
        rows = self.groups.rows
        if not len(rows):
            return
        size = sum(group.bytes for group in self.groups.groups) / sum(rows)
        needed = min(2 * (window + int(rows.max())), int(rows.sum())) * size
        if needed > self.kept.limit:
            raise UserError(
                f"{self.where}: images of {size / 1e3:,.0f} kB in a window of {window:,} "
                f"need data.source.cache_gb={needed / GB:.1f} instead of {self.kept.limit / GB:g}, or less "
                "data.source.window"
            )


def mapped(path: Path) -> Any:
    """Return the table of an Arrow file, whose pages all processes share and the system may drop."""
    import pyarrow

    return pyarrow.ipc.open_file(pyarrow.memory_map(str(path))).read_all()
