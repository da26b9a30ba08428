"""Tar shards in WebDataset's format."""

import re
from pathlib import Path

from ganexp.data.shards.tar_pictures import TarPictures
from ganexp.errors import UserError
from ganexp.terminal.text import first_names

RANGE = re.compile(r"\{(\d+)\.\.(\d+)\}")
MOST_SHARDS = 100_000


def webdataset(path: str) -> TarPictures:
    """Return the images of tar shards: a folder of them, one file, or a pattern such as shards-{000..009}.tar.

    A sample's files have one key and different suffixes: an image that Pillow reads or an array (.npy), and its class
    in .cls or under "label", "cls" or "class" in .json, as a number or a name. Shards are indexed once (the index is
    kept in the cache folder) and not unpacked. Source: Aizman et al., 2019, arXiv:2001.01858.

    Raises UserError if shards are missing, and for those that `TarPictures` refuses.
    """
    place = Path(path).expanduser()
    if place.is_dir():
        shards = sorted(file for file in place.glob("*.tar") if file.is_file() and not file.name.startswith("."))
        if not shards:
            raise UserError(f"{place} has no tar files: give a folder of shards (data.path=FOLDER)")
        return TarPictures(shards, path)
    shards = [Path(name) for name in expanded(str(place))]
    missing = [str(shard) for shard in shards if not shard.is_file()]
    if missing:
        names = first_names(missing)
        raise UserError(f"data.path={path}: {len(missing):,} of {len(shards):,} shards are missing: {names}")
    return TarPictures(shards, path)


def expanded(pattern: str) -> list[str]:
    """Return the names that a pattern stands for: {000..009} for each number from 000 to 009.

    Raises UserError for more than 100,000 names.
    """
    match = RANGE.search(pattern)
    if match is None:
        return [pattern]
    first, last, width = int(match[1]), int(match[2]), len(match[1])
    rest = expanded(pattern[match.end() :])
    if (last - first + 1) * len(rest) > MOST_SHARDS:
        raise UserError(f"data.path={pattern} stands for more than {MOST_SHARDS:,} shards")
    return [f"{pattern[: match.start()]}{number:0{width}}{end}" for number in range(first, last + 1) for end in rest]
