"""Thumbnails of sample grids, embedded in the page."""

import base64
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from ganexp.files.pictures import open_picture

FOLDER = "samples"
SIDE = 384
"""The longer side in pixels to which larger grids are scaled down."""
LOSSLESS_SIDE = 160
QUALITY = 75
MOST_PIXELS = 100_000_000
MOST_FRAMES = 11
BYTES = 2_800_000
"""The size limit of all thumbnails of a page together, encoded as text."""


@dataclass(frozen=True)
class Frame:
    """A sample grid at a number of images seen; ``source`` is a data URI."""

    images: int
    source: str


def frames_by_run(runs: Sequence[Path], byte_budget: int = BYTES) -> list[list[Frame]]:
    """Return grids over the training of each run, as many per run as fit into the budget together."""
    # A smaller selection repeats grids of a larger one.
    encoded = cache(data_uri)
    for count in range(MOST_FRAMES, 0, -2):
        selected, bytes_left = [], byte_budget
        for run in runs:
            selected.append(frames(run, count, encoded))
            bytes_left -= sum(len(frame.source) for frame in selected[-1])
            if bytes_left < 0:
                break
        else:
            return selected
    return [[] for _ in runs]


def frames(run: Path, count: int, encoded: Callable[[Path], str]) -> list[Frame]:
    """Return at most ``count`` grids of a run, evenly spaced over its training and ending with the last."""
    files = {int(path.stem): path for path in (run / FOLDER).glob("*.png") if path.stem.isdecimal() and path.is_file()}
    if not files:
        return []
    last = max(files)
    selected = [min(files, key=lambda images: abs(images - last * (part + 1) / count)) for part in range(count)]
    sources = ((images, encoded(files[images])) for images in dict.fromkeys(selected))
    return [Frame(images, source) for images, source in sources if source]


def data_uri(path: Path) -> str:
    """Return a picture as a WebP data URI, empty if it cannot be read."""
    try:
        with open_picture(path) as picture:
            if picture.width * picture.height > MOST_PIXELS:
                return ""
            small = picture.convert("RGB")
    except Exception:  # a broken file makes Pillow raise nearly anything
        return ""
    lossless = max(small.size) <= LOSSLESS_SIDE
    small.thumbnail((SIDE, SIDE))
    encoded = io.BytesIO()
    small.save(encoded, "WEBP", lossless=lossless, quality=QUALITY)
    return f"data:image/webp;base64,{base64.b64encode(encoded.getvalue()).decode()}"
