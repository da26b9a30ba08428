"""Sample grids as small pictures inside of a page."""

import base64
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from PIL import Image, UnidentifiedImageError

FOLDER = "samples"
SIDE = 384
"""Pixels of the longer side; a larger grid is made smaller."""
LOSSLESS_SIDE = 160
QUALITY = 75
MOST_PIXELS = 100_000_000
MOST_FRAMES = 11
BYTES = 2_800_000
"""Of all pictures of a page together, as text."""


@dataclass(frozen=True)
class Frame:
    """A grid at a number of images seen; ``source`` is a data URI."""

    images: int
    source: str


def frames_of(runs: Sequence[Path], byte_budget: int = BYTES) -> list[list[Frame]]:
    """Return grids of each run over its training, fewer of them where they would be larger together than allowed."""
    # A grid may be wanted again where there are to be fewer.
    encoded = cache(data_uri)
    for wanted in range(MOST_FRAMES, 0, -2):
        found, left = [], byte_budget
        for run in runs:
            found.append(frames(run, wanted, encoded))
            left -= sum(len(frame.source) for frame in found[-1])
            if left < 0:
                break
        else:
            return found
    return [[] for _ in runs]


def frames(run: Path, wanted: int, encoded: Callable[[Path], str]) -> list[Frame]:
    """Return at most so many grids of a run, evenly over its training, the last one among them."""
    files = {int(path.stem): path for path in (run / FOLDER).glob("*.png") if path.stem.isdecimal()}
    if not files:
        return []
    last = max(files)
    near = [min(files, key=lambda images: abs(images - last * (part + 1) / wanted)) for part in range(wanted)]
    drawn = ((images, encoded(files[images])) for images in dict.fromkeys(near))
    return [Frame(images, source) for images, source in drawn if source]


def data_uri(path: Path) -> str:
    """Return a picture as WebP in text, nothing if it cannot be read."""
    try:
        with Image.open(path) as picture:
            if picture.width * picture.height > MOST_PIXELS:
                return ""
            small = picture.convert("RGB")
    except (OSError, UnidentifiedImageError, ValueError, Image.DecompressionBombError):
        return ""
    lossless = max(small.size) <= LOSSLESS_SIDE
    small.thumbnail((SIDE, SIDE))
    encoded = io.BytesIO()
    small.save(encoded, "WEBP", lossless=lossless, quality=QUALITY)
    return f"data:image/webp;base64,{base64.b64encode(encoded.getvalue()).decode()}"
