"""Versions of training data: checksums by which two runs can be said to have been trained on the same images."""

import hashlib
from collections.abc import Iterator, Sequence
from itertools import takewhile
from pathlib import Path

from ganexp.data.disk import OnDisk
from ganexp.data.memory import InMemory
from ganexp.data.pictures import Pictures, labels_of, name_of

CONTENT, FILES, REVISION = "content", "files", "revision"
DIGEST_SIZE = 16


def version_of(stores: Sequence[InMemory | OnDisk]) -> str | None:
    """Return the version of the images and labels in the order of the data set, with the kind of the checksum.

    «content:…» covers the decoded pixels of images in memory. «files:…» covers the names of files left on disk, below
    the folder that all are in, their sizes in bytes and the decoder's settings, as reading millions of files would take
    longer than training on them: it does not notice a file that is replaced by another one of the same size. Neither
    depends on times or on where the data are. «revision:…» covers the commit, the files and the rows of a set that is
    streamed from the Hub, and the decoder's settings, without reading any. None for other images that are not files.
    """
    if not stores:
        return None
    in_memory = [store.checksum() for store in stores if isinstance(store, InMemory)]
    if len(in_memory) == len(stores):
        return f"{CONTENT}:{in_memory[0] if len(stores) == 1 else _digest(in_memory)}"
    store = stores[0]
    if len(stores) == 1 and isinstance(store, OnDisk) and hasattr(store.pictures, "revision"):
        return f"{REVISION}:{_digest([store.decoder.settings, store.pictures.revision])}"
    on_disk = [_checksum_of_files(store) if isinstance(store, OnDisk) else store.checksum() for store in stores]
    known = [checksum for checksum in on_disk if checksum is not None]
    return f"{FILES}:{_digest(known)}" if len(known) == len(stores) else None


def _checksum_of_files(store: OnDisk) -> str | None:
    decoder = store.decoder
    digest = hashlib.blake2b(digest_size=DIGEST_SIZE)
    digest.update(f"{decoder.image_size} {decoder.channels} {decoder.resize_filter}".encode())
    folder = _common_folder(store.pictures)
    for name in _names(store.pictures):
        try:
            size = Path(name).stat().st_size
        except (OSError, ValueError):
            return None
        digest.update(f"{name[folder:]}\n{size}\n".encode(errors="surrogateescape"))
    labels = labels_of(store.pictures) if store.labelled else None
    if labels is not None:
        digest.update(labels.tobytes())
    return digest.hexdigest()


def _names(pictures: Pictures) -> Iterator[str]:
    """Yield the names one by one: those of a million files together would take 150 MB."""
    return (name_of(pictures, index) for index in range(len(pictures)))


def _common_folder(pictures: Pictures) -> int:
    """Return the length of the path of the folder that all files are in."""
    # What the first and the last in alphabetical order have in common, all names between them have.
    pairs = zip(min(_names(pictures), default=""), max(_names(pictures), default=""), strict=False)
    common = "".join(one for one, _ in takewhile(lambda pair: pair[0] == pair[1], pairs))
    return common.rfind("/") + 1


def _digest(checksums: Sequence[str]) -> str:
    return hashlib.blake2b("\n".join(checksums).encode(), digest_size=DIGEST_SIZE).hexdigest()
