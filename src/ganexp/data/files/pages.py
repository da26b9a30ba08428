"""Further pages of pictures: files of several frames, of which only the first is used."""

import logging
from collections.abc import Iterable
from pathlib import Path

from PIL import Image

from ganexp.data.problems import Problem, note_problem
from ganexp.files.pictures import open_picture

log = logging.getLogger(__name__)

PAGED_SUFFIXES = (".tif", ".tiff", ".gif", ".apng")
PAGED_FORMATS = ("TIFF", "GIF", "WEBP", "PNG", "AVIF")
MOST_FILES = 10_000
"""The number of files that are opened to count pages, as a million would take minutes."""


def further_pages(image: Image.Image) -> int:
    """Return the number of pages or frames after the first of an opened picture."""
    try:
        return getattr(image, "n_frames", 1) - 1 if image.format in PAGED_FORMATS else 0
    except Exception:  # a file cut short after its first page, which alone is used
        return 0


def count_further_pages(paths: Iterable[str]) -> tuple[int, int]:
    """Return the number of further pages in TIFF and GIF files, and of the files that have some."""
    pages = files = 0
    for path in [path for path in paths if path.lower().endswith(PAGED_SUFFIXES)][:MOST_FILES]:
        try:
            with open_picture(path) as image:
                further = further_pages(image)
        except Exception:  # unreadable files are reported where they are decoded
            continue
        pages, files = pages + further, files + (further > 0)
    return pages, files


def report_further_pages(folder: Path | str, pages: int, files: int) -> None:
    """Log the number of further pages that are left out; an inspection lists them too."""
    if pages:
        text = f"further pages left out: {pages:,} of {files:,} files, of which the first page is used"
        log.info("data: %s, %s", folder, text)
        note_problem(Problem(text, (), "none, or save each page as a file of its own"))
