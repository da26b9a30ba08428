"""Two domains in two folders."""

from pathlib import Path

from ganexp.data.domains import Domains
from ganexp.data.folders import existing
from ganexp.data.headers import upright_sizes
from ganexp.data.pictures import FilePictures, Pictures
from ganexp.data.sources.layout import images_in, layout, share
from ganexp.data.sources.splits import TRAIN
from ganexp.errors import UserError


def unpaired_folder(
    split: str,
    root: str | None = None,
    a: str | None = None,
    b: str | None = None,
    test_a: str | None = None,
    test_b: str | None = None,
    direction: str = "a2b",
) -> Domains:
    """Return two domains of pictures, which need not be equally many.

    They lie in `root`, in folders such as trainA, trainB, testA and testB (`layout` says which others); or in the
    folders `a` and `b`, and `test_a` and `test_b` for any split but train. Where there is no test split, every tenth
    picture is for tests. The inputs are A, or B for the direction b2a.

    Raises UserError if a folder is missing or empty, or a file is no image; and unless either root or both a and b
    are given.
    """
    if (root is None) == (a is None and b is None):
        raise UserError(
            "two domains are needed: give either data.root=FOLDER, with trainA and trainB in it, or data.a=FOLDER "
            "data.b=FOLDER."
        )
    if root is None:
        folders, undivided = _explicit(split, (a, b), (test_a, test_b))
    else:
        folders, undivided = layout(existing(root, "data.root"), split)
    if len(folders) != 2:
        raise UserError(f"{root} has neither {split}A and {split}B nor A and B: two domains are needed.")
    every = [_pictures(folder) for folder in folders]
    of_a, of_b = (
        share(pictures, split, str(folder)) if undivided else pictures
        for pictures, folder in zip(every, folders, strict=True)
    )
    return Domains(of_b, of_a) if direction == "b2a" else Domains(of_a, of_b)


def _explicit(
    split: str, train: tuple[str | None, str | None], test: tuple[str | None, str | None]
) -> tuple[tuple[Path, ...], bool]:
    """Return the folders that were given for a split, and whether they hold all splits together."""
    undivided = test == (None, None)
    keys, given = (("a", "b"), train) if split == TRAIN or undivided else (("test_a", "test_b"), test)
    folders = []
    for key, folder in zip(keys, given, strict=True):
        if folder is None:
            raise UserError(f"data.{key} is not set, and its counterpart is: both domains are needed.")
        folders.append(existing(folder, f"data.{key}"))
    return tuple(folders), undivided


def _pictures(folder: Path) -> Pictures:
    return FilePictures(list(upright_sizes(images_in(folder), str(folder))))
