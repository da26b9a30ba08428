"""Index of a packed set: a file with one line of JSON about all shards, then one line for each shard.

Free of heavy imports, because the configuration uses this module.
"""

import json
import math
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ganexp.errors import UserError
from ganexp.files.atomic import replacing

INDEX = "index.jsonl"
FORMAT = "ganexp packed images, version 1"
MAX_BYTES = 1_000_000_000
MAX_SIDE = 1 << 16
MAX_IMAGES = 1 << 40
MAX_ATTRIBUTES = 10_000
MALFORMED = (ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError)
"""What the records of an index raise that somebody else has written."""
AGAIN = "run the same python -m ganexp data pack again"

Label = int | tuple[int, ...]
"""A class number, or the numbers of the attributes that apply, in ascending order."""


@dataclass(frozen=True)
class Header:
    """What all shards of a packed set have in common: images (height, width, channels), their number and classes.

    With ``attributes``, the classes are those, of which an image may have several (None: it has one class). They are
    uint8; with a ``value_range``, float32 in [-1, 1], scaled from it. ``source`` is a checksum of
    what was packed, so that packing is continued with nothing else.
    """

    height: int
    width: int
    channels: int
    images: int
    shard_size: int
    classes: tuple[str, ...]
    source: str
    value_range: tuple[float, float] | None = None
    attributes: bool | None = None

    @property
    def shards(self) -> int:
        """The number of shards."""
        return -(-self.images // self.shard_size)

    def numbers(self, shard: int) -> range:
        """Return the numbers of the images in a shard."""
        return range(shard * self.shard_size, min(self.images, (shard + 1) * self.shard_size))


@dataclass(frozen=True)
class Shard:
    """A shard: its number, the SHA-256 of its file, and the labels of its images (empty: unlabelled)."""

    number: int
    sha256: str
    labels: tuple[Label, ...]


def shard_name(number: int) -> str:
    """Return the name of a shard's file."""
    return f"shard-{number:06d}.tar"


def line(record: Header | Shard) -> str:
    """Return a line of the index."""
    kind = {"format": FORMAT} if isinstance(record, Header) else {}
    # Sets of 8 bits, and of classes, have the index that they had before there were others.
    values = {name: value for name, value in asdict(record).items() if value is not None}
    return json.dumps({**kind, **values}, ensure_ascii=False, separators=(",", ":")) + "\n"


def write_index(folder: Path, header: Header, shards: Iterable[Shard]) -> None:
    """Write the index, the shards in their order."""
    with replacing(folder / INDEX) as file:
        file.write(line(header))
        file.writelines(line(shard) for shard in sorted(shards, key=lambda shard: shard.number))


def read_header(folder: Path) -> Header:
    """Return the first line of the index of a packed set.

    Raises UserError if there is no such folder, or none that `python -m ganexp data pack` has made.
    """
    lines = _lines(folder)
    try:
        return _header(json.loads(lines[0]))
    except (*MALFORMED, IndexError) as error:
        raise UserError(f"{folder / INDEX} is not the index of a packed set: pack the images again") from error


def read_shards(folder: Path, header: Header) -> list[Shard]:
    """Return the shards that the index names, in the order of their numbers, each once.

    The last line may be cut short, as by a kill. Raises UserError for other damage.
    """
    lines = _lines(folder)[1:]
    shards: dict[int, Shard] = {}
    for number, text in enumerate(lines, 2):
        try:
            shard = _shard(json.loads(text), header)
        except MALFORMED as error:
            if number == len(lines) + 1:
                break
            raise UserError(f"{folder / INDEX}, line {number}, describes no shard: {AGAIN}") from error
        shards[shard.number] = shard
    return [shards[number] for number in sorted(shards)]


def read_whole_index(folder: Path) -> tuple[Header, list[Shard]]:
    """Return the header and all shards of a packed set; raises UserError if shards are missing from the index."""
    header = read_header(folder)
    shards = read_shards(folder, header)
    if len(shards) < header.shards:
        raise UserError(f"{folder} has {len(shards):,} of {header.shards:,} shards: {AGAIN}, which makes the others")
    return header, shards


def setting(path: str, name: str) -> int | list[int] | list[float] | None:
    """Return data.image_size, channels, num_classes, attributes or value_range of a packed set.

    Raises UserError if there is no packed set.
    """
    header = read_header(Path(path).expanduser())
    if name == "num_classes":
        return len(header.classes) or None
    if name == "channels":
        return header.channels
    if name == "attributes":
        return bool(header.attributes)
    if name == "value_range":
        return None if header.value_range is None else list(header.value_range)
    return header.height if header.height == header.width else [header.height, header.width]


def _lines(folder: Path) -> list[str]:
    path = folder / INDEX
    if not folder.is_dir():
        raise UserError(f"{folder} {'is not a folder' if folder.exists() else 'does not exist'}: give data.path=FOLDER")
    if not path.is_file():
        tars = "data=webdataset reads its tar files" if any(folder.glob("*.tar")) else "python -m ganexp data pack"
        raise UserError(f"{folder} has no {INDEX}, so it is no packed set: {tars}")
    if path.stat().st_size > MAX_BYTES:
        raise UserError(f"{path} has more than {MAX_BYTES:,} bytes")
    return path.read_text(encoding="utf-8", errors="replace").splitlines()


def _header(record: dict[str, Any]) -> Header:
    if record.pop("format") != FORMAT:
        raise ValueError("another format")
    header = Header(**{**record, "classes": tuple(record["classes"]), "value_range": _range(record.get("value_range"))})
    sizes = (header.height, header.width, header.channels, header.images, header.shard_size)
    if (
        not all(type(size) is int and size > 0 for size in sizes)
        or max(sizes[:3]) > MAX_SIDE
        or max(sizes) > MAX_IMAGES
    ):
        raise ValueError("sizes out of range")
    if not all(isinstance(text, str) for text in (*header.classes, header.source)):
        raise ValueError("classes are not text")
    if header.attributes not in (None, True) or (header.attributes and not 0 < len(header.classes) <= MAX_ATTRIBUTES):
        raise ValueError("no attributes")
    return header


def _range(values: Any) -> tuple[float, float] | None:
    if values is None:
        return None
    low, high = values
    if not all(type(end) in (int, float) and math.isfinite(end) for end in (low, high)) or low >= high:
        raise ValueError("no range of values")
    return float(low), float(high)


def _shard(record: dict[str, Any], header: Header) -> Shard:
    shard = Shard(**{**record, "labels": tuple(tuple(x) if header.attributes else x for x in record["labels"])})
    if type(shard.number) is not int or not 0 <= shard.number < header.shards or not isinstance(shard.sha256, str):
        raise ValueError("no such shard")
    if len(shard.labels) != (len(header.numbers(shard.number)) if header.classes else 0):
        raise ValueError("labels and images differ in number")
    numbers = [number for label in shard.labels for number in (label if isinstance(label, tuple) else (label,))]
    if not all(type(number) is int and 0 <= number < len(header.classes) for number in numbers):
        raise ValueError("no such class")
    return shard
