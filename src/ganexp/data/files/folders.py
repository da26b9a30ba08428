"""Image folders and their classes.

Free of heavy imports, because the configuration uses this module.
"""

import logging
import os
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from ganexp.data.files.file_kinds import EXAMPLES, is_image
from ganexp.data.labels.table import label_names
from ganexp.data.problems import Problem, note_problem, report_problem
from ganexp.errors import UserError

if TYPE_CHECKING:
    import numpy as np

    from ganexp.data.files.path_table import PathTable

log = logging.getLogger(__name__)

ARRAY = ".npy"
TRAINING_SPLIT = "train"
TEST_SPLITS = ("test", "val", "valid", "validation")


def class_folders(root: str | os.PathLike[str], labels: str | None = None) -> int | None:
    """Return the number of class folders in a folder of images; None if its images are unlabelled.

    Only the first level is read, which is fast even with millions of files. A missing folder counts as unlabelled. Of
    a folder of splits, the training split is read. With a file of ``labels`` it is the number of its classes or
    attributes instead.
    """
    if labels is not None:
        return len(label_names(labels).names)
    top = Path(root).expanduser()
    return len(_class_names(split_folders(top).get(TRAINING_SPLIT, top))) or None


def split_folders(root: Path) -> dict[str, Path]:
    """Return the folders of the splits by name if a folder has only splits, `train` and others; else none."""
    names = _class_names(root)
    only_splits = TRAINING_SPLIT in names and set(names) <= {TRAINING_SPLIT, *TEST_SPLITS}
    return {name: root / name for name in names} if only_splits else {}


def held_out_folder(root: Path) -> Path | None:
    """Return the test or validation split of a folder that has only splits; else None."""
    splits = split_folders(root)
    return next((splits[name] for name in TEST_SPLITS if name in splits), None)


def existing(folder: str | os.PathLike[str], key: str) -> Path:
    """Return the path of an existing folder.

    Raises UserError with the setting ``key`` if there is no such folder.
    """
    path = Path(folder).expanduser()
    if not path.is_dir():
        problem = "is not a folder" if path.exists() else "does not exist"
        raise UserError(f"{path} {problem}: give a folder of images ({key}=FOLDER).")
    return path


def image_files(root: str | os.PathLike[str]) -> tuple["PathTable", "np.ndarray | None", list[str]]:
    """Return the paths of all images below a folder, their labels (N,) and the names of their classes.

    The paths are sorted; hidden files and folders are skipped. Images directly in the folder, or in a single
    subfolder, are unlabelled: None, no classes. Of a folder of splits only, such as train and test, these are the
    images of train, which is logged.

    Raises UserError if the folder is missing or has no images, or if one of several class folders is empty.
    """
    import numpy as np

    from ganexp.data.files.path_table import PathTable

    top = training_folder(root)
    names = _class_names(top)
    if not names:
        return PathTable(all_images(top)), None, []
    left_out: Counter[str] = Counter()
    counts: list[int] = []

    def listed() -> Iterator[str]:
        # One class at a time, as a million paths take twice the memory of their table.
        for name in names:
            group = images_below(top / name, left_out)
            counts.append(len(group))
            yield from group

    paths = PathTable(listed())
    report_left_out(top, left_out)
    if not any(counts):
        raise UserError(f"{top} has no images ({EXAMPLES}) in it or its subfolders.")
    empty = [name for name, count in zip(names, counts, strict=True) if not count]
    if empty:
        error = UserError(
            f"{top} has class folders without images: {', '.join(empty[:5])}"
            f"{' …' if len(empty) > 5 else ''}. Remove or fill them."
        )
        folders = tuple(str(top / name) for name in empty)
        report_problem(error, Problem("class folders without images", folders, "remove or fill them"))
    return paths, np.repeat(np.arange(len(names)), counts), names


def training_folder(root: str | os.PathLike[str]) -> Path:
    """Return an existing folder of images, of a folder of splits only the one of training, which is logged.

    Raises UserError if the folder is missing.
    """
    top = existing(root, "data.root")
    splits = split_folders(top)
    if not splits:
        return top
    log.info(
        "data: %s has the splits %s: %s is used (data.root=%s/%s for another)",
        top,
        ", ".join(splits),
        TRAINING_SPLIT,
        top,
        next(name for name in splits if name != TRAINING_SPLIT),
    )
    return splits[TRAINING_SPLIT]


def all_images(top: Path) -> list[str]:
    """Return the paths of all images below a folder, sorted.

    Raises UserError if it has none.
    """
    left_out: Counter[str] = Counter()
    paths = images_below(top, left_out)
    report_left_out(top, left_out)
    if not paths:
        raise UserError(f"{top} has no images ({EXAMPLES}) in it or its subfolders.")
    return paths


def _class_names(root: Path) -> list[str]:
    names = []
    try:
        with os.scandir(root) as entries:
            for entry in entries:
                if entry.name.startswith("."):
                    continue
                if is_image(entry) and entry.is_file():
                    # One image is enough: a folder may have a million of them.
                    return []
                if entry.is_dir():
                    names.append(entry.name)
    except OSError:
        return []
    # A single folder does not define classes.
    return sorted(names) if len(names) > 1 else []


def images_below(root: Path, left_out: Counter[str] | None = None) -> list[str]:
    """Return the paths of all images below a folder, sorted; hidden files and folders are skipped.

    Other files are counted by suffix in `left_out`. A file without a suffix is an image if it begins as one.
    """
    paths = []
    for entry in _files_below(root):
        if is_image(entry):
            paths.append(entry.path)
        elif left_out is not None:
            left_out[Path(entry.name).suffix.lower()] += 1
    paths.sort()
    return paths


def arrays_below(root: Path) -> list[str]:
    """Return the paths of all arrays below a folder, .npy files, sorted; hidden files and folders are skipped."""
    return sorted(entry.path for entry in _files_below(root) if entry.name.lower().endswith(ARRAY))


def _files_below(root: Path) -> Iterator[os.DirEntry[str]]:
    """Yield each file below a folder, without hidden ones, in no particular order."""
    # Not os.walk, which keeps the names of a whole folder in memory.
    folders = [str(root)]
    while folders:
        folder = folders.pop()
        # What cannot be listed has no files.
        with suppress(OSError), os.scandir(folder) as entries:
            for entry in entries:
                if entry.name.startswith("."):
                    continue
                if not entry.is_dir():
                    yield entry
                elif not _is_cyclic_link(entry):
                    folders.append(entry.path)


def left_out_text(left_out: Counter[str]) -> str:
    """Return the numbers of the files left out as text, by suffix."""
    counts = sorted(left_out.items(), key=lambda item: (-item[1], item[0]))
    return ", ".join(f"{number:,} {suffix or 'without suffix'}" for suffix, number in counts)


def report_left_out(folder: Path, left_out: Counter[str]) -> None:
    """Log the numbers of the files in a folder that are left out; an inspection lists them too."""
    if left_out:
        text = f"left out, as these are no images that Pillow reads: {left_out_text(left_out)}"
        log.info("data: %s, %s", folder, text)
        note_problem(Problem(text, (), "none, unless some of them are images"))


def _is_cyclic_link(entry: os.DirEntry[str]) -> bool:
    """Return whether a folder is a link to one of its parents, which would be followed forever."""
    if not entry.is_symlink():
        return False
    folder = Path(entry.path)
    return any(folder.resolve() == parent.resolve() for parent in folder.absolute().parents)
