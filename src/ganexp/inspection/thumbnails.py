"""Thumbnails of pictures, embedded in a page."""

import base64
import io
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from PIL import Image

from ganexp.data.arrays import as_picture
from ganexp.data.decoding import is_transparent, upright
from ganexp.data.picture_set import PictureSet
from ganexp.data.pictures import name_of
from ganexp.files.pictures import open_picture

SIDE = 192
SHEET_SIDE = 1100
SMALLEST = 128
"""Smaller pictures are enlarged by a whole number, so that their pixels can be seen."""
QUALITY = 80
MOST_PIXELS = 100_000_000


def thumbnails_by_name(
    picture_sets: Sequence[tuple[str, PictureSet]], wanted: Iterable[str]
) -> Mapping[str, tuple[str, ...]]:
    """Return the thumbnails, as data URIs, of the pictures with the wanted names, those that can be read.

    A name may have the prefix that comes with its set. What no set has may be the path of a file.
    """
    missing = set(wanted)
    found: dict[str, tuple[str, ...]] = {}
    for prefix, picture_set in picture_sets:
        for index in range(len(picture_set.pictures) if missing else 0):
            name = name_of(picture_set.pictures, index)
            for called in {name, f"{prefix}{name}"} & missing:
                missing.discard(called)
                found[called] = of_item(picture_set.pictures, index)
    for path in missing:
        found[path] = of_file(path)
    return {name: sources for name, sources in found.items() if sources}


def of_item(pictures: Any, index: int) -> tuple[str, ...]:
    """Return the thumbnails of an item: one, or the two of a pair; none if it cannot be read."""
    try:
        item, _ = pictures[index]
        item = as_picture(item)
        return tuple(data_uri(picture) for picture in (item if isinstance(item, tuple) else (item,)))
    except Exception:  # a broken file makes Pillow raise nearly anything
        return ()


def of_file(path: str) -> tuple[str, ...]:
    """Return the thumbnail of a file; none if it is no image that can be read."""
    try:
        if not Path(path).is_file():
            return ()
        with open_picture(path) as picture:
            return (data_uri(picture),)
    except Exception:  # a broken file makes Pillow raise nearly anything
        return ()


def data_uri(picture: Image.Image, side: int = SIDE) -> str:
    """Return a picture as a WebP data URI with a longer side of at most ``side`` pixels, transparent where it is.

    Raises UserError or Pillow's errors for pixels that cannot be converted, and ValueError for a huge picture.
    """
    if picture.width * picture.height > MOST_PIXELS:
        raise ValueError("too large for a thumbnail")
    small = picture.convert("RGBA") if is_transparent(picture) else upright(picture, 3)
    lossless = max(small.size) <= SIDE
    small.thumbnail((side, side))
    enlarge = max(1, SMALLEST // max(small.size))
    small = small.resize((small.width * enlarge, small.height * enlarge), Image.Resampling.NEAREST)
    encoded = io.BytesIO()
    small.save(encoded, "WEBP", lossless=lossless, quality=QUALITY)
    return f"data:image/webp;base64,{base64.b64encode(encoded.getvalue()).decode()}"
