"""Row groups of parquet files, read singly over the network."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import groupby
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ganexp.data.streaming.connection import retried
from ganexp.terminal.progress import progress

CONNECTIONS = 16


class RowGroup(NamedTuple):
    """A row group of a file, with its rows and the bytes of the columns that are read."""

    file: int
    number: int
    rows: int
    bytes: int


class RowGroups:
    """The row groups of parquet ``files``, paths of an fsspec file system, in their order: only their ``columns``.

    ``limit`` leaves out what is beyond that many rows (None: nothing); files beyond it are not asked for. Opening reads
    the ends of the files, which say where row groups are.

    Raises ConnectionLost, a UserError, if files cannot be read.
    """

    def __init__(self, filesystem: Any, files: Sequence[str], columns: Sequence[str], limit: int | None) -> None:
        self.filesystem = filesystem
        self.files = list(files)
        self.columns = list(columns)
        self.footers: list[Any] = []
        self.groups: list[RowGroup] = []
        self._read_footers(limit)
        self.rows = np.array([group.rows for group in self.groups], dtype=np.int64)
        self.begins = np.concatenate([[0], self.rows.cumsum()])

    def place(self, row: int) -> tuple[int, int]:
        """Return the group that has a row of all files, and the row's place in it."""
        group = int(np.searchsorted(self.begins, row, side="right")) - 1
        return group, row - int(self.begins[group])

    def key(self, group: int) -> str:
        """Return what identifies the content of a group, as a path with a revision does."""
        file, number, *_ = self.groups[group]
        return f"{self.files[file]} {number} {self.columns}"

    def write(self, group: int, path: Path) -> None:
        """Write a group's columns to an Arrow file, from which single rows can be read."""
        file, number, *_ = self.groups[group]
        write_table(retried(self.files[file], lambda: self._read(file, [number], self.columns)), path)

    def write_columns(self, columns: Sequence[str], path: Path) -> None:
        """Write columns of all groups' rows, in their order, to an Arrow file, reading nothing else of the files."""
        import pyarrow

        def read(groups: list[RowGroup]) -> Any:
            file, numbers = groups[0].file, [group.number for group in groups]
            table = retried(self.files[file], lambda: self._read(file, numbers, columns))
            return table.slice(0, sum(group.rows for group in groups))

        files = [list(groups) for _, groups in groupby(self.groups, lambda group: group.file)]
        tables = []
        with ThreadPoolExecutor(CONNECTIONS) as threads, progress("reading labels", len(files)) as advance:
            for table in threads.map(read, files):
                tables.append(table)
                advance(1)
        write_table(pyarrow.concat_tables(tables), path)

    def _read_footers(self, limit: int | None) -> None:
        rows = 0
        with ThreadPoolExecutor(CONNECTIONS) as threads:
            for first in range(0, len(self.files), CONNECTIONS):
                numbers = range(first, min(first + CONNECTIONS, len(self.files)))
                for file, footer in zip(numbers, threads.map(self._footer, numbers), strict=True):
                    self.footers.append(footer)
                    for number in range(footer.num_row_groups):
                        group = footer.row_group(number)
                        taken = group.num_rows if limit is None else min(group.num_rows, limit - rows)
                        if taken > 0:
                            self.groups.append(RowGroup(file, number, taken, self._bytes(group)))
                            rows += taken
                if rows == limit:
                    return

    def _bytes(self, group: Any) -> int:
        chunks = (group.column(number) for number in range(group.num_columns))
        return sum(
            chunk.total_uncompressed_size for chunk in chunks if chunk.path_in_schema.split(".")[0] in self.columns
        )

    def _footer(self, file: int) -> Any:
        return retried(self.files[file], lambda: self._open(file, None).metadata)

    def _open(self, file: int, footer: Any) -> Any:
        from pyarrow.parquet import ParquetFile

        # Without a cache, exactly the ranges that are needed are asked for.
        source = self.filesystem.open(self.files[file], cache_type="none")
        return ParquetFile(source, metadata=footer, pre_buffer=True)

    def _read(self, file: int, groups: Sequence[int], columns: Sequence[str]) -> Any:
        return self._open(file, self.footers[file]).read_row_groups(groups, columns=columns, use_threads=False)


def write_table(table: Any, path: Path) -> None:
    """Write a table to an Arrow file."""
    import pyarrow

    with pyarrow.OSFile(str(path), "wb") as sink, pyarrow.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)
