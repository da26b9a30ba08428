"""Safe unpacking of untrusted archives: nothing outside the target folder is written."""

import gzip
import lzma
import os
import platform
import shutil
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import IO

from ganexp.errors import UserError, one_line
from ganexp.terminal.progress import progress

# zipfile raises RuntimeError for encrypted archives.
DAMAGE = (tarfile.TarError, zipfile.BadZipFile, gzip.BadGzipFile, lzma.LZMAError, zlib.error, EOFError, RuntimeError)
BLOCK = 1 << 18


def unpack(archive: Path, folder: Path) -> None:
    """Unpack a zip or tar archive atomically into a new folder; a single top-level folder in it is stripped.

    Raises UserError if the archive is damaged, has members other than plain files and folders, or a path outside the
    target folder.
    """
    part = folder.with_name(f".{folder.name}.{platform.node()}.{os.getpid()}.part")
    try:
        part.mkdir(parents=True)
        _extract(archive, part)
        _only_folder(part).rename(folder)
    except DAMAGE as error:
        raise UserError(
            f"{archive} is damaged ({one_line(error)}): remove it, so that it is downloaded again."
        ) from error
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _extract(archive: Path, folder: Path) -> None:
    opened = _zipped if zipfile.is_zipfile(archive) else _tarred
    with progress(f"unpacking {archive.name}", None) as advance:
        for name, file in opened(archive):
            path = folder / _inside(archive, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            with file, path.open("wb") as out:
                shutil.copyfileobj(file, out)
            advance(1)


def _zipped(archive: Path) -> Iterator[tuple[str, IO[bytes]]]:
    """Yield the name and content of each file in a zip archive."""
    with zipfile.ZipFile(archive) as opened:
        for member in opened.infolist():
            kind = stat.S_IFMT(member.external_attr >> 16)
            if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
                raise _refused(archive, member.filename, "is neither a file nor a folder")
            _inside(archive, member.filename)
            if not member.is_dir():
                yield member.filename, opened.open(member)


def _tarred(archive: Path) -> Iterator[tuple[str, IO[bytes]]]:
    """Yield the name and content of each file in a tar archive, compressed or not."""
    with tarfile.open(archive) as opened:
        for member in opened:
            if not (member.isfile() or member.isdir()):
                raise _refused(archive, member.name, "is neither a file nor a folder")
            _inside(archive, member.name)
            file = opened.extractfile(member)
            if file is not None:
                yield member.name, file
        # The checksum of a compressed stream follows its last member.
        while opened.fileobj is not None and opened.fileobj.read(BLOCK):
            pass


def _inside(archive: Path, name: str) -> PurePosixPath:
    """Return a member's path, which must be relative and stay inside the folder."""
    # The strictest reading is that of Windows: both slashes separate, and drives are roots.
    strict = PureWindowsPath(name)
    if strict.anchor or ".." in strict.parts:
        raise _refused(archive, name, "would be written outside the target folder")
    return PurePosixPath(name)


def _refused(archive: Path, name: str, why: str) -> UserError:
    return UserError(f"{archive} is not unpacked because its member {name!r} {why}: do not use this archive.")


def _only_folder(folder: Path) -> Path:
    """Return the single top-level folder that contains everything, or else the folder itself."""
    inside = [path for path in folder.iterdir() if not path.name.startswith((".", "__MACOSX"))]
    return inside[0] if len(inside) == 1 and inside[0].is_dir() else folder
