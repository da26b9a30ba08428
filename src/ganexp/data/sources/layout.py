"""Folder layouts of splits and domains in image-to-image data sets."""

import logging
from collections import Counter
from pathlib import Path
from typing import NamedTuple

from ganexp.data.files.folders import ARRAY, arrays_below, images_below, report_left_out
from ganexp.data.pictures import Pictures
from ganexp.data.sources.splits import TRAIN, part_of
from ganexp.errors import UserError

log = logging.getLogger(__name__)

SPLITS = (TRAIN, "val", "valid", "test")


class Layout(NamedTuple):
    """The folders of one split, or of all splits together: one folder per domain, or a single one."""

    folders: tuple[Path, ...]
    divided: bool


def layout(top: Path, split: str) -> Layout:
    """Return the folders of a split: `split`, or `split`A and `split`B, `split`/A …, A/`split` …, or undivided data.

    Data without splits, or with train alone, is undivided. Raises UserError if there are splits, but not this one.
    """
    present = {name: folders for name in dict.fromkeys((split, *SPLITS)) if (folders := _folders_of(top, name))}
    if list(present) == [TRAIN]:
        return Layout(present[TRAIN], divided=True)
    if split in present:
        return Layout(present[split], divided=False)
    if present:
        key = "data.split" if split == TRAIN else "data.test_split"
        raise UserError(f"{top} has no split {split!r}: choose an existing one with {key}={'|'.join(present)}.")
    domains = (top / "A", top / "B")
    return Layout(domains if any(folder.is_dir() for folder in domains) else (top,), divided=True)


def share(pictures: Pictures, split: str, where: str) -> Pictures:
    """Return the training or test part of undivided pictures, and log its size."""
    part = part_of(pictures, split, where)
    log.info("data: %s has no test split, so every tenth image is reserved for it: %d for %s", where, len(part), split)
    return part


def images_in(folder: Path) -> list[str]:
    """Return the paths of a folder's pictures, or of its arrays (.npy) if it has no pictures, sorted.

    Raises UserError if it is missing or has neither.
    """
    if not folder.is_dir():
        raise UserError(f"{folder} is missing, but its counterpart exists: both domains are needed.")
    left_out: Counter[str] = Counter()
    paths = images_below(folder, left_out)
    if not paths:
        paths = arrays_below(folder)
        left_out.pop(ARRAY, None)
    report_left_out(folder, left_out)
    if not paths:
        raise UserError(f"{folder} has no images.")
    return paths


def _folders_of(top: Path, split: str) -> tuple[Path, ...]:
    for domains in (
        (top / f"{split}A", top / f"{split}B"),
        (top / split / "A", top / split / "B"),
        (top / "A" / split, top / "B" / split),
    ):
        if any(folder.is_dir() for folder in domains):
            return domains
    return (top / split,) if (top / split).is_dir() else ()
