"""Downloads verified by checksum."""

import hashlib
import http.client
import logging
import os
import platform
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
    """A downloadable file: its name, its URLs and its known checksums.

    ``sha256`` may be only a prefix.
    """

    name: str
    md5: str | None = None
    urls: tuple[str, ...] = ()
    sha256: str | None = None

    def __str__(self) -> str:
        checksums = ", ".join(f"{kind} {value}" for kind, value in self._checksums().items())
        return f"{self.name} ({checksums})" if checksums else self.name

    def is_complete_in(self, folder: Path) -> bool:
        """Return whether a folder contains the complete file."""
        path = folder / self.name
        return path.is_file() and not self.wrong_checksums(path)

    def wrong_checksums(self, path: Path) -> list[str]:
        """Return the checksums of a file that differ from the expected ones."""
        return [
            actual
            for kind, value in self._checksums().items()
            if not (actual := checksum_of_file(path, kind)).startswith(value)
        ]

    def _checksums(self) -> dict[str, str]:
        return {kind: value for kind, value in (("md5", self.md5), ("sha256", self.sha256)) if value}


class DownloadError(Exception):
    """A failed download; the message gives the reason."""


def missing(data: str, why: str, files: Sequence[Remote], address: str, folder: Path) -> UserError:
    """Return the error for missing data, with the reason and instructions for placing the files by hand."""
    names = ", ".join(str(file) for file in files)
    return UserError(f"{data}: {why}. To place the files by hand, download from {address} to {folder}: {names}.")


def checksum_of_file(path: Path, kind: str = "sha256") -> str:
    """Return a file's md5 or sha256 checksum in hexadecimal."""
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
    """Return the folder of a data set that is ready to read, downloading and unpacking missing files.

    `folders` are the user's data folder and its fallback in the cache, which is used if the first is not
    writable. `complete(folder)` tests whether a folder is ready; `unpack(archive, folder)` unpacks one archive
    into it. Archives that the user already has are read in place.

    Raises UserError, with instructions for getting the files by hand, if files are missing and download is
    False or fails.
    """
    for folder in folders:
        if complete(folder):
            return folder
    user_folder, cached_folder = folders
    target = user_folder if writable(user_folder) else cached_folder
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
        raise missing(data, f"the files in {target} are damaged; delete them", files, addresses, target)
    return target


def fetch(file: Remote, folder: Path) -> Path:
    """Download one file into a folder from the first of its URLs that serves it in full, and return its path.

    An existing file is replaced only by a complete one. An interrupted download is resumed by the next call.
    Raises DownloadError if no URL serves the file.
    """
    path = folder / file.name
    # Several machines may fill one shared folder at the same time, with one process per machine.
    part = folder / f".{file.name}.{platform.node()}.part"
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
            reasons.append(f"{urlsplit(url).netloc}: {file.name} has the wrong checksum {wrong[0]}")
            part.unlink()
    raise DownloadError("; ".join(reasons) or f"no URL for {file.name}")


def _stream(url: str, path: Path) -> None:
    """Download a URL to a file, resuming after the part that it already contains."""
    offset = path.stat().st_size if path.exists() else 0
    with _open(url, offset) as response:
        if response.status != http.client.PARTIAL_CONTENT:
            offset = 0
        length = response.headers.get("Content-Length")
        total = offset + int(length) if length else None
        size = f" ({total / 1e6:,.1f} MB)" if total else ""
        log.info("downloading %s%s%s", url, size, f", resuming at {offset / 1e6:,.1f} MB" if offset else "")
        with (
            path.open("ab" if offset else "wb") as out,
            progress(f"downloading {url.rsplit('/', 1)[-1]}", total) as advance,
        ):
            advance(offset)
            while block := response.read(BLOCK):
                out.write(block)
                advance(len(block))
            if total is not None and out.tell() < total:
                raise ConnectionError(
                    f"connection lost after {out.tell() / 1e6:,.1f} MB, which are kept: run the command again to resume"
                )


def _open(url: str, offset: int) -> http.client.HTTPResponse:
    """Request a file from byte ``offset``, or from the start if the server has no more bytes than that."""
    headers = {"User-Agent": "ganexp"}
    if offset:
        headers["Range"] = f"bytes={offset}-"
    try:
        response: http.client.HTTPResponse = urllib.request.urlopen(
            urllib.request.Request(url, headers=headers), timeout=TIMEOUT_SECONDS
        )
    except urllib.error.HTTPError as error:
        if not offset or error.code != http.client.REQUESTED_RANGE_NOT_SATISFIABLE:
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
    """Return a data set's folder below the user's data folder, and its fallback in the cache."""
    return Path(root).expanduser().absolute().joinpath(*parts), cache_folder("data", *parts)
