"""Packing of images into shards: decoded to the training size, each shard whole or absent, continued after a kill."""

import hashlib
import logging
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ganexp.data.arrays import as_picture
from ganexp.data.decoding import Decoder
from ganexp.data.disk import OnDisk
from ganexp.data.machine import available_cpus
from ganexp.data.packed.index import (
    INDEX,
    MAX_ATTRIBUTES,
    Header,
    Label,
    Shard,
    line,
    read_header,
    read_shards,
    shard_name,
    write_index,
)
from ganexp.data.packed.layout import Layout
from ganexp.data.pictures import Pictures, classes_of, has_attributes, name_of, prepare
from ganexp.data.streaming.connection import ConnectionLost
from ganexp.data.unreadable import unreadable
from ganexp.errors import UserError
from ganexp.files.atomic import replacing
from ganexp.files.folder_lock import holder, locked
from ganexp.terminal.progress import progress

log = logging.getLogger(__name__)

SHARD_BYTES = 100_000_000
PREPARED = 256
"""Pictures, not yet decoded, that are read from a network at a time."""

Item = tuple[np.ndarray, Label] | Exception
"""A decoded picture with its label, or why it cannot be read."""
Failures = list[tuple[str, Exception]]


class Packed(NamedTuple):
    """A packed set: its header, the bytes of all shards, and how many of these were there before."""

    header: Header
    size: int
    kept: int


def pack(pictures: Pictures, decoder: Decoder, name: str, out: Path, shard_size: int | None = None) -> Packed:
    """Write all pictures, decoded to (height, width, channels), into shards of ``shard_size`` images in a folder.

    Shards of an earlier call are kept if their checksums agree. By default a shard has about 100 MB.

    Raises UserError if the folder has a set of other images or settings, if another process is packing there, and
    UnreadableError, a UserError with the pictures' names, for unreadable pictures, after all others are packed.
    """
    if shard_size is None and (out / INDEX).is_file():
        shard_size = read_header(out).shard_size
    header = _header(pictures, decoder, name, shard_size)
    out.mkdir(parents=True, exist_ok=True)
    with locked(out) as mine:
        if not mine:
            raise UserError(f"out={out}: {holder(out)} is packing there; wait for it, or choose another folder")
        shards = _whole_shards(out, header)
        kept = len(shards)
        write_index(out, header, shards)
        failures = _write_missing(pictures, decoder, out, header, shards)
        if failures:
            raise unreadable(failures, len(pictures))
        write_index(out, header, shards)
    layout = Layout(header)
    return Packed(header, sum(layout.size(number) for number in range(header.shards)), kept)


def _header(pictures: Pictures, decoder: Decoder, name: str, shard_size: int | None) -> Header:
    channels, height, width = _shape(pictures, decoder)
    classes = tuple(classes_of(pictures))
    source = f"{name} {OnDisk(pictures, decoder, bool(classes)).checksum()}"
    attributes = True if classes and has_attributes(pictures) else None
    if attributes and len(classes) > MAX_ATTRIBUTES:
        raise UserError(f"data={name}: {len(classes):,} attributes, and a packed set has {MAX_ATTRIBUTES:,} at most")
    number = len(pictures)
    header = Header(height, width, channels, number, shard_size or 1, classes, source, decoder.value_range, attributes)
    return header if shard_size else replace(header, shard_size=max(1, SHARD_BYTES // Layout(header).stride))


def _shape(pictures: Pictures, decoder: Decoder) -> tuple[int, int, int]:
    """Return the shape (channels, height, width) of a decoded picture, the first that can be read."""
    failures: Failures = []
    for index in range(len(pictures)):
        prepare(pictures, range(index, index + 1))
        try:
            pixels = decoder(as_picture(pictures[index][0]))
        except Exception as error:  # a broken file makes Pillow raise nearly anything
            failures.append((name_of(pictures, index), error))
            continue
        channels, height, width = pixels.shape
        return channels, height, width
    raise unreadable(failures, len(pictures))


def _whole_shards(out: Path, header: Header) -> list[Shard]:
    """Return the shards of an earlier call whose files have the checksums of the index."""
    if not (out / INDEX).is_file():
        return []
    before = read_header(out)
    if before != header:
        differing = ", ".join(name for name in vars(header) if getattr(before, name) != getattr(header, name))
        raise UserError(f"out={out} has a packed set of other images or settings ({differing}): choose another folder")
    layout, shards = Layout(header), read_shards(out, header)
    with progress("comparing checksums", len(shards)) as advance:
        whole = [shard for shard in shards if _is_whole(out, shard, layout, advance)]
    log.info("data: %s has %d of %d shards already", out, len(whole), header.shards)
    return whole


def _is_whole(out: Path, shard: Shard, layout: Layout, advance: Callable[[float], None]) -> bool:
    advance(1)
    path = out / shard_name(shard.number)
    if path.is_symlink() or not path.is_file() or path.stat().st_size != layout.size(shard.number):
        return False
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest() == shard.sha256


def _write_missing(pictures: Pictures, decoder: Decoder, out: Path, header: Header, shards: list[Shard]) -> Failures:
    """Write the shards that are not in the list, append them to it and to the index; return what is unreadable."""
    layout, failures = Layout(header), Failures()
    missing = sorted(set(range(header.shards)) - {shard.number for shard in shards})
    with (
        ThreadPoolExecutor(available_cpus()) as pool,
        progress("packing images", sum(len(header.numbers(number)) for number in missing)) as advance,
        (out / INDEX).open("a", encoding="utf-8") as index,
    ):

        def read(number: int) -> Item:
            advance(1)
            return _decoded(pictures, decoder, header, number)

        for number in missing:
            items = [item for part in _parts(header.numbers(number)) for item in _read(pictures, part, read, pool)]
            failed = _failures(pictures, header.numbers(number), items)
            failures += failed
            if not failed:
                shards.append(_write(out, number, layout, [item for item in items if isinstance(item, tuple)]))
                index.write(line(shards[-1]))
                index.flush()
    return failures


def _parts(numbers: range) -> list[range]:
    return [numbers[start : start + PREPARED] for start in range(0, len(numbers), PREPARED)]


def _read(pictures: Pictures, numbers: range, read: Callable[[int], Item], pool: ThreadPoolExecutor) -> Iterable[Item]:
    prepare(pictures, numbers)
    return pool.map(read, numbers)


def _decoded(pictures: Pictures, decoder: Decoder, header: Header, number: int) -> Item:
    try:
        picture, label = pictures[number]
        if header.attributes:
            packed: Label = tuple(np.flatnonzero(label).tolist())
        else:
            packed = int(label)
            if header.classes and not 0 <= packed < len(header.classes):
                raise UserError(f"its class is {label}, and there are {len(header.classes)}")
        return decoder(as_picture(picture)).permute(1, 2, 0).numpy(), packed
    except ConnectionLost:
        raise
    except Exception as error:  # a broken file makes Pillow raise nearly anything
        return error


def _failures(pictures: Pictures, numbers: range, items: Sequence[Item]) -> Failures:
    return [
        (name_of(pictures, number), item)
        for number, item in zip(numbers, items, strict=True)
        if isinstance(item, Exception)
    ]


def _write(out: Path, number: int, layout: Layout, items: Sequence[tuple[np.ndarray, Label]]) -> Shard:
    """Write one shard, which has its name only once it is whole."""
    images, labels = [image for image, _ in items], [label for _, label in items]
    digest = hashlib.sha256()
    with replacing(out / shard_name(number), "wb") as file:
        for part in layout.parts(layout.header.numbers(number), images, labels):
            digest.update(part)
            file.write(part)
    return Shard(number, digest.hexdigest(), tuple(labels) if layout.header.classes else ())
