"""Headers of picture files, read without decoding the pixels."""

import logging
from collections import Counter
from collections.abc import Sequence

from PIL import Image

from ganexp.data.decoding import conversions, is_grey
from ganexp.data.files.lfs_pointers import naming_lfs_pointers
from ganexp.data.files.pages import further_pages, report_further_pages
from ganexp.data.problems import report_problem
from ganexp.data.unreadable import unreadable, unreadable_problem
from ganexp.files.pictures import open_picture
from ganexp.terminal.progress import progress

log = logging.getLogger(__name__)

Size = tuple[int, int]
ORIENTATION = 0x0112
SIDEWAYS = (5, 6, 7, 8)


def upright_sizes(paths: Sequence[str], where: str) -> dict[str, Size]:
    """Return each file's width and height after EXIF rotation, by path, and log the number of unusual pictures.

    Raises UnreadableError, a UserError with the files' names, if any are not images.
    """
    sizes: dict[str, Size] = {}
    failures: list[tuple[str, Exception]] = []
    kinds: Counter[str] = Counter()
    pages = files = 0
    with progress(f"reading {where}", len(paths)) as advance:
        for path in paths:
            try:
                with naming_lfs_pointers(path), open_picture(path) as image:
                    sizes[path] = upright_size(image)
                    further = further_pages(image)
                    pages, files = pages + further, files + (further > 0)
                    kinds.update([*conversions(image), *(["grey"] if is_grey(image) else [])])
            except Exception as error:  # a broken file makes Pillow raise nearly anything
                failures.append((path, error))
            advance(1)
    if failures:
        report_problem(unreadable(failures, len(paths)), unreadable_problem(failures))
    report_further_pages(where, pages, files)
    if kinds:
        counts = "; ".join(f"{number:,} {kind}" for kind, number in kinds.items())
        log.info("data: %s, of %s images %s", where, f"{len(paths):,}", counts)
    return sizes


def upright_size(image: Image.Image) -> Size:
    """Return an opened picture's width and height after EXIF rotation."""
    width, height = image.size
    return (height, width) if image.getexif().get(ORIENTATION) in SIDEWAYS else (width, height)
