"""Git LFS pointers: small text files in place of images that were not downloaded."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from PIL import UnidentifiedImageError

from ganexp.errors import UserError

HEADER = b"version https://git-lfs.github.com/spec/"


@contextmanager
def naming_lfs_pointers(path: str | os.PathLike[str]) -> Iterator[None]:
    """Raise UserError instead of Pillow's UnidentifiedImageError if the file is a Git LFS pointer."""
    try:
        yield
    except UnidentifiedImageError as error:
        with Path(path).open("rb") as file:
            if file.read(len(HEADER)) == HEADER:
                raise UserError("a Git LFS pointer instead of the image: git lfs pull downloads it") from error
        raise
