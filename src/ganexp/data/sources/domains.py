"""Folders of two unpaired image domains."""

from collections.abc import Sequence
from pathlib import Path

from ganexp.data.files.folders import existing
from ganexp.data.pictures import Domains, Pictures
from ganexp.data.sources.domain_files import DomainFiles, domain_files
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
    channels: int = 3,
    input_channels: int | None = None,
    value_range: str | Sequence[float] | None = None,
) -> Domains:
    """Return two domains of pictures, of any size each, or of arrays (`DomainFiles`).

    They are either in `root`, in folders such as trainA, trainB, testA and testB (`layout` lists the others); or in the
    folders `a` and `b`, and `test_a` and `test_b` for any split but train. Without a test split, every tenth picture
    is reserved for testing. The inputs are A, or B with the direction b2a.

    Raises UserError if a folder is missing or empty, or a file is not an image; and unless either root or both a and
    b are given.
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
    files = domain_files(direction, channels, input_channels, value_range)
    domains = [_pictures(folder, reader) for folder, reader in zip(folders, files, strict=True)]
    domain_a, domain_b = (
        share(pictures, split, str(folder)) if undivided else pictures
        for pictures, folder in zip(domains, folders, strict=True)
    )
    return Domains(domain_b, domain_a) if direction == "b2a" else Domains(domain_a, domain_b)


def _explicit(
    split: str, train: tuple[str | None, str | None], test: tuple[str | None, str | None]
) -> tuple[tuple[Path, ...], bool]:
    """Return the explicit folders of a split, and whether they contain all splits together."""
    undivided = test == (None, None)
    keys, paths = (("a", "b"), train) if split == TRAIN or undivided else (("test_a", "test_b"), test)
    folders = []
    for key, folder in zip(keys, paths, strict=True):
        if folder is None:
            raise UserError(f"data.{key} is not set, but its counterpart is: both domains are needed.")
        folders.append(existing(folder, f"data.{key}"))
    return tuple(folders), undivided


def _pictures(folder: Path, files: DomainFiles) -> Pictures:
    return files.opened(list(files.sizes(images_in(folder), str(folder))))
