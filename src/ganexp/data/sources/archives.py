"""Image-to-image data sets published as one archive."""

import logging
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

from ganexp.data.pictures import Domains, Pictures
from ganexp.data.sources.domains import unpaired_folder
from ganexp.data.sources.pairs import paired_folder
from ganexp.data.unpacking import unpack
from ganexp.errors import UserError
from ganexp.files.download import Remote, checksum_of_file, folders_of, obtain

log = logging.getLogger(__name__)


def paired_archive(
    split: str,
    name: str,
    root: str,
    url: str,
    sha256: str | None = None,
    direction: str = "a2b",
    download: bool = True,
) -> Pictures:
    """Return the pairs of an archive that contains a folder for `paired_folder`.

    `root`/`name` is the unpacked folder. Raises UserError if it is missing and the archive can neither be found nor
    downloaded, is damaged, or would write outside the folder.
    """
    return paired_folder(split, str(archive_folder(name, root, url, sha256, download)), direction)


def unpaired_archive(
    split: str,
    name: str,
    root: str,
    url: str,
    sha256: str | None = None,
    direction: str = "a2b",
    download: bool = True,
) -> Domains:
    """Return the domains of an archive that contains a folder for `unpaired_folder`.

    `root`/`name` is the unpacked folder. Raises UserError if it is missing and the archive can neither be found nor
    downloaded, is damaged, or would write outside the folder.
    """
    return unpaired_folder(split, str(archive_folder(name, root, url, sha256, download)), direction=direction)


def archive_folder(name: str, root: str, url: str, sha256: str | None, download: bool) -> Path:
    """Return the folder `root`/`name` that an archive unpacks to, after downloading and unpacking it if necessary.

    The checksum of an archive that has no published one is logged. Raises UserError for a name that is a path.
    """
    if name in ("", ".", "..") or Path(name).name != name:
        raise UserError(f"data.source.name={name}: it must be the name of a folder, without separators")
    archive = Remote(Path(urlsplit(url).path).name, urls=(url,), sha256=sha256)
    folder = obtain(
        name,
        [archive],
        folders_of(root),
        complete=lambda folder: (folder / name).is_dir(),
        unpack=partial(_unpack, name, sha256),
        download=download,
    )
    return folder / name


def _unpack(name: str, sha256: str | None, archive: Path, folder: Path) -> None:
    if sha256 is None:
        log.info(
            "data: %s has no published checksum; the sha256 of %s is %s: set data.source.sha256=… to require it",
            name,
            archive,
            checksum_of_file(archive),
        )
    unpack(archive, folder / name)
