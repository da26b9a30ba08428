"""Files from the network, each checked by its md5 sum."""

import hashlib
import http.client
import logging
import os
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from ganexp.cache import cache_folder, one_process_at_a_time, writable
from ganexp.errors import UserError
from ganexp.progress import progress

log = logging.getLogger(__name__)

TIMEOUT_SECONDS = 30
BLOCK = 1 << 18


@dataclass(frozen=True)
class Remote:
    """A file that can be had: its name, its md5 sum if known, and the addresses that serve it."""

    name: str
    md5: str | None = None
    urls: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.name} (md5 {self.md5})" if self.md5 else self.name

    def lies_in(self, folder: Path) -> bool:
        """Return whether the file is in a folder, whole."""
        path = folder / self.name
        return path.is_file() and (self.md5 is None or md5_of(path) == self.md5)


class DownloadError(Exception):
    """A file could not be downloaded; the message says why."""


def missing(data: str, why: str, files: Sequence[Remote], address: str, folder: Path) -> UserError:
    """Return the error for data that is not there: why, and which files to put where by hand."""
    names = ", ".join(str(file) for file in files)
    return UserError(f"{data}: {why}. By hand: from {address} put into {folder}: {names}.")


def md5_of(path: Path) -> str:
    """Return a file's md5 sum in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()


def obtain(
    data: str,
    files: Sequence[Remote],
    folders: tuple[Path, Path],
    complete: Callable[[Path], bool],
    unpack: Callable[[Path, Path], None],
    download: bool,
) -> Path:
    """Return a folder that holds a data set ready to read, after unpacking and downloading what is missing.

    `folders` are where the user keeps the data and its stand-in in the cache, which is used if the first may
    not be written to. `complete(folder)` says whether a folder is ready; `unpack(archive, folder)` makes it
    so, one archive at a time. Archives the user has are taken from where they are.

    Raises UserError, with all that is needed to get the files by hand, if they are not there and download is
    False or fails.
    """
    for folder in folders:
        if complete(folder):
            return folder
    own, stand_in = folders
    target = own if writable(own) else stand_in
    addresses = " or ".join(dict.fromkeys(url.removesuffix(file.name) for file in files for url in file.urls))
    with one_process_at_a_time(target):
        if complete(target):
            return target
        absent = [file for file in files if not any(file.lies_in(folder) for folder in folders)]
        if absent and not download:
            broken = any((folder / file.name).exists() for folder in folders for file in absent)
            why = f"{'files with a wrong checksum' if broken else 'files missing'} and download=false"
            raise missing(data, why, absent, addresses, target)
        target.mkdir(parents=True, exist_ok=True)
        for file in absent:
            try:
                fetch(file, target)
            except DownloadError as error:
                raise missing(data, f"download failed ({error})", absent, addresses, target) from error
        for file in files:
            unpack(next(folder for folder in (target, *folders) if file.lies_in(folder)) / file.name, target)
    if not complete(target):
        raise missing(data, f"the files in {target} are damaged; remove them", files, addresses, target)
    return target


def fetch(file: Remote, folder: Path) -> Path:
    """Download one file into a folder from the first of its addresses that serves it whole; return its path.

    A file of that name is replaced only by a whole one. Raises DownloadError if no address serves it.
    """
    path = folder / file.name
    # Several machines may fill one shared folder at once.
    part = folder / f".{file.name}.{os.uname().nodename}.{os.getpid()}.part"
    reasons = []
    for url in file.urls:
        try:
            md5 = _stream(url, part)
        except (OSError, http.client.HTTPException) as error:
            reasons.append(f"{urlsplit(url).netloc}: {_reason(error)}")
        else:
            if file.md5 is None or md5 == file.md5:
                part.replace(path)
                return path
            reasons.append(f"{urlsplit(url).netloc}: {file.name} came with the wrong checksum {md5}")
        finally:
            part.unlink(missing_ok=True)
    raise DownloadError("; ".join(reasons) or f"no address for {file.name}")


def _stream(url: str, path: Path) -> str:
    md5 = hashlib.md5(usedforsecurity=False)
    request = urllib.request.Request(url, headers={"User-Agent": "ganexp"})
    with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS) as response, path.open("wb") as out:
        length = response.headers.get("Content-Length")
        size = f" ({int(length) / 1e6:,.1f} MB)" if length else ""
        log.info("data: downloading %s%s", url, size)
        with progress(f"downloading {url.rsplit('/', 1)[-1]}", float(length) if length else None) as advance:
            while block := response.read(BLOCK):
                out.write(block)
                md5.update(block)
                advance(len(block))
    return md5.hexdigest()


def _reason(error: Exception) -> str:
    if isinstance(error, urllib.error.HTTPError):
        return f"HTTP {error.code} {error.reason}"
    if isinstance(error, urllib.error.URLError):
        return str(error.reason)
    return str(error) or type(error).__name__


def folders_of(root: str | os.PathLike[str], *parts: str) -> tuple[Path, Path]:
    """Return where below the user's data folder a data set lies, and its stand-in in the cache."""
    return Path(root).expanduser().absolute().joinpath(*parts), cache_folder("data", *parts)
