"""Files from the network, each checked by its checksum."""

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

from ganexp.errors import UserError
from ganexp.files.cache import cache_folder, one_process_at_a_time, writable
from ganexp.terminal.progress import progress

log = logging.getLogger(__name__)

TIMEOUT_SECONDS = 30
BLOCK = 1 << 18


@dataclass(frozen=True)
class Remote:
    """A file that can be had: its name, the addresses that serve it, and of its checksums what is known.

    ``sha256`` may be only the beginning of it.
    """

    name: str
    md5: str | None = None
    urls: tuple[str, ...] = ()
    sha256: str | None = None

    def __str__(self) -> str:
        known = ", ".join(f"{kind} {value}" for kind, value in self._known().items())
        return f"{self.name} ({known})" if known else self.name

    def is_complete_in(self, folder: Path) -> bool:
        """Return whether the file is in a folder, whole."""
        path = folder / self.name
        return path.is_file() and not self.wrong_checksums(path)

    def wrong_checksums(self, path: Path) -> list[str]:
        """Return those checksums of a file that are not as they should be."""
        return [
            found
            for kind, value in self._known().items()
            if not (found := checksum_of_file(path, kind)).startswith(value)
        ]

    def _known(self) -> dict[str, str]:
        return {kind: value for kind, value in (("md5", self.md5), ("sha256", self.sha256)) if value}


class DownloadError(Exception):
    """A file could not be downloaded; the message says why."""


def missing(data: str, why: str, files: Sequence[Remote], address: str, folder: Path) -> UserError:
    """Return the error for data that is not there: why, and which files to put where by hand."""
    names = ", ".join(str(file) for file in files)
    return UserError(f"{data}: {why}. By hand: from {address} put into {folder}: {names}.")


def checksum_of_file(path: Path, kind: str = "sha256") -> str:
    """Return a file's md5 or sha256 sum in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.new(kind, usedforsecurity=False)).hexdigest()


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
        absent = [file for file in files if not any(file.is_complete_in(folder) for folder in folders)]
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
            unpack(next(folder for folder in (target, *folders) if file.is_complete_in(folder)) / file.name, target)
    if not complete(target):
        raise missing(data, f"the files in {target} are damaged; remove them", files, addresses, target)
    return target


def fetch(file: Remote, folder: Path) -> Path:
    """Download one file into a folder from the first of its addresses that serves it whole; return its path.

    A file of that name is replaced only by a whole one. What was had of a download that broke off is kept, and the next
    goes on from there. Raises DownloadError if no address serves it.
    """
    path = folder / file.name
    # Several machines may fill one shared folder at once, each by one process.
    part = folder / f".{file.name}.{os.uname().nodename}.part"
    reasons = []
    for url in file.urls:
        try:
            _stream(url, part)
        except (OSError, http.client.HTTPException) as error:
            reasons.append(f"{urlsplit(url).netloc}: {_reason(error)}")
        else:
            wrong = file.wrong_checksums(part)
            if not wrong:
                part.replace(path)
                return path
            reasons.append(f"{urlsplit(url).netloc}: {file.name} came with the wrong checksum {wrong[0]}")
            part.unlink()
    raise DownloadError("; ".join(reasons) or f"no address for {file.name}")


def _stream(url: str, path: Path) -> None:
    """Write what an address serves to a file, or go on with the part of it that is there already."""
    had = path.stat().st_size if path.exists() else 0
    with _open(url, had) as response:
        if response.status != http.client.PARTIAL_CONTENT:
            had = 0
        length = response.headers.get("Content-Length")
        total = had + int(length) if length else None
        size = f" ({total / 1e6:,.1f} MB)" if total else ""
        log.info("downloading %s%s%s", url, size, f", from {had / 1e6:,.1f} MB on" if had else "")
        with (
            path.open("ab" if had else "wb") as out,
            progress(f"downloading {url.rsplit('/', 1)[-1]}", total) as advance,
        ):
            advance(had)
            while block := response.read(BLOCK):
                out.write(block)
                advance(len(block))
            if total is not None and out.tell() < total:
                raise ConnectionError(
                    f"broke off after {out.tell() / 1e6:,.1f} MB, which are kept: start again to go on"
                )


def _open(url: str, had: int) -> http.client.HTTPResponse:
    """Ask for all of a file but the first bytes, or for all of it where the server has no more than these."""
    headers = {"User-Agent": "ganexp"}
    if had:
        headers["Range"] = f"bytes={had}-"
    try:
        response: http.client.HTTPResponse = urllib.request.urlopen(
            urllib.request.Request(url, headers=headers), timeout=TIMEOUT_SECONDS
        )
    except urllib.error.HTTPError as error:
        if not had or error.code != http.client.REQUESTED_RANGE_NOT_SATISFIABLE:
            raise
        return _open(url, 0)
    return response


def _reason(error: Exception) -> str:
    if isinstance(error, urllib.error.HTTPError):
        return f"HTTP {error.code} {error.reason}"
    if isinstance(error, urllib.error.URLError):
        return str(error.reason)
    return str(error) or type(error).__name__


def folders_of(root: str | os.PathLike[str], *parts: str) -> tuple[Path, Path]:
    """Return where below the user's data folder a data set lies, and its stand-in in the cache."""
    return Path(root).expanduser().absolute().joinpath(*parts), cache_folder("data", *parts)
