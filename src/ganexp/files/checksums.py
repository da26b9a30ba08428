"""Checksums of zip files, such as checkpoints: a CRC-32 of every entry, which torch writes and does not read."""

import errno
import struct
import zipfile
from pathlib import Path

DAMAGE = (zipfile.BadZipFile, EOFError, ValueError, RuntimeError, OverflowError, struct.error)
"""Errors of `zipfile` for files that are damaged."""
UNREADABLE = (errno.EIO, errno.EINVAL)
"""Errors of the system for a damaged disk, and for a damaged file that sends a reader to a place before its start."""
CHUNK = 1 << 20


def require_checksums(path: Path) -> None:
    """Raise ValueError unless the file is a whole zip file whose entries all have the checksum stored with them."""
    try:
        with zipfile.ZipFile(path) as archive:
            for entry in archive.infolist():
                with archive.open(entry) as file:
                    # The last read compares the checksum.
                    while file.read(CHUNK):
                        pass
    except DAMAGE as error:
        raise ValueError(str(error)) from error
    except OSError as error:
        if error.errno in UNREADABLE:
            raise ValueError(str(error)) from error
        raise
