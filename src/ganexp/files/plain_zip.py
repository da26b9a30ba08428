"""Zip files that every reader reads alike, such as a checkpoint, which Python checks and torch then loads."""

import zipfile
from pathlib import Path

BEGIN, END = b"PK\3\4", b"PK\5\6"
END_64, END_64_LOCATOR = b"PK\6\6", b"PK\6\7"
END_BYTES, LOCATOR_BYTES, END_64_BYTES = 22, 20, 56


def is_zip(path: Path) -> bool:
    """Return whether torch takes a file for a zip file: by its first bytes, where zipfile looks at the last ones."""
    with path.open("rb") as file:
        return file.read(len(BEGIN)) == BEGIN


def require_plain_zip(path: Path) -> None:
    """Raise ValueError unless a file is one zip archive from its first to its last byte, of uncompressed entries.

    The entries take no more space together than the file. Raises zipfile.BadZipFile for damage.
    """
    with zipfile.ZipFile(path) as archive:
        entries = archive.infolist()
    require_one_table(path)
    if any(entry.compress_type != zipfile.ZIP_STORED for entry in entries):
        raise ValueError("it is compressed")
    if sum(entry.file_size for entry in entries) > path.stat().st_size:
        raise ValueError("its entries overlap")


def require_one_table(path: Path) -> None:
    """Raise ValueError unless a zip file's only table of contents ends where its last record begins.

    Otherwise a reader that goes by the stated place of the table would find another one than a reader that goes by its
    end, with other entries.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        begin = file.read(len(BEGIN))
        file.seek(max(0, size - END_BYTES - LOCATOR_BYTES - END_64_BYTES))
        rest = file.read()
    end = rest[-END_BYTES:]
    if begin != BEGIN or end.rfind(END) != 0:
        raise ValueError("it is more than a zip file")
    table_end, table_bytes, table = size - END_BYTES, number(end, 12, 4), number(end, 16, 4)
    locator = rest[-END_BYTES - LOCATOR_BYTES : -END_BYTES]
    if locator.startswith(END_64_LOCATOR):
        table_end -= LOCATOR_BYTES + END_64_BYTES
        end_64 = rest[-END_BYTES - LOCATOR_BYTES - END_64_BYTES :]
        table_bytes, table = number(end_64, 40, 8), number(end_64, 48, 8)
        if not end_64.startswith(END_64) or number(locator, 8, 8) != table_end:
            raise ValueError("it has two ends")
    if table + table_bytes != table_end:
        raise ValueError("it has two tables of contents")


def number(record: bytes, start: int, length: int) -> int:
    """Return the number in some bytes of a record."""
    return int.from_bytes(record[start : start + length], "little")
