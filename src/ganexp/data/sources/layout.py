"""Where the splits and domains of an image-to-image data set lie in its folder."""

import logging
from pathlib import Path
from typing import NamedTuple

from ganexp.data.folders import images_below
from ganexp.data.pictures import Pictures
from ganexp.data.sources.splits import TRAIN, part_of
from ganexp.errors import UserError

log = logging.getLogger(__name__)

SPLITS = (TRAIN, "val", "valid", "test")


class Layout(NamedTuple):
    """The folders of one split: of both domains, or one of pictures that show both; or of all splits together."""

    folders: tuple[Path, ...]
    divided: bool


def layout(top: Path, split: str) -> Layout:
    """Return where a split lies: in `split`, or `split`A and `split`B, `split`/A …, A/`split` …, or undivided.

    It is undivided where there is no split, or none but train. Raises UserError if there are splits, but not this.
    """
    present = {name: folders for name in dict.fromkeys((split, *SPLITS)) if (folders := _folders_of(top, name))}
    if list(present) == [TRAIN]:
        return Layout(present[TRAIN], divided=True)
    if split in present:
        return Layout(present[split], divided=False)
    if present:
        key = "data.split" if split == TRAIN else "data.test_split"
        raise UserError(f"{top} has no split {split!r}: choose one that it has by {key}={'|'.join(present)}.")
    two = (top / "A", top / "B")
    return Layout(two if any(folder.is_dir() for folder in two) else (top,), divided=True)


def share(pictures: Pictures, split: str, where: str) -> Pictures:
    """Return the part of undivided pictures that is there to train on, or to test on, and say so."""
    part = part_of(pictures, split, where)
    log.info("data: %s has no test split, so every tenth is kept for it: %d for %s", where, len(part), split)
    return part


def images_in(folder: Path) -> list[str]:
    """Return the paths of a folder's images, sorted.

    Raises UserError if it is missing or has none.
    """
    if not folder.is_dir():
        raise UserError(f"{folder} is missing, and its counterpart is there: both domains are needed.")
    paths = images_below(folder)
    if not paths:
        raise UserError(f"{folder} has no images.")
    return paths


def _folders_of(top: Path, split: str) -> tuple[Path, ...]:
    for two in (
        (top / f"{split}A", top / f"{split}B"),
        (top / split / "A", top / split / "B"),
        (top / "A" / split, top / "B" / split),
    ):
        if any(folder.is_dir() for folder in two):
            return two
    return (top / split,) if (top / split).is_dir() else ()
