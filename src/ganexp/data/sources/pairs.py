"""Folders of image pairs."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from PIL import Image, ImageOps

from ganexp.data.decoding import crop
from ganexp.data.files.folders import existing
from ganexp.data.files.headers import Size, upright_sizes
from ganexp.data.pictures import FilePictures, Pictures, name_of
from ganexp.data.problems import Problem, report_problem
from ganexp.data.sources.domain_files import DomainFiles, are_arrays, domain_files
from ganexp.data.sources.layout import images_in, layout, share
from ganexp.data.sources.pair_shapes import single_pictures, some, training_shapes
from ganexp.data.sources.splits import TRAIN
from ganexp.data.translation.items import Pair, as_text
from ganexp.errors import UserError


def paired_folder(
    split: str,
    root: str,
    direction: str = "a2b",
    channels: int = 3,
    input_channels: int | None = None,
    value_range: str | Sequence[float] | None = None,
) -> Pictures:
    """Return the pairs of a folder, as `Pair`s with label 0.

    A pair is one picture with A in its left and B in its right half, or two pictures with the same name in two
    folders. `layout` finds the splits. Without a test split, every tenth pair is reserved for testing. The input is A,
    or B with the direction b2a. A folder of two may have arrays instead, .npy files of `channels`, or of
    `input_channels` for the inputs (`DomainFiles`).

    Raises UserError, with the files' names, if names or sizes do not match, a width is odd, a test picture is shaped
    like one half of a training pair, or a file is not an image; and if the folder or the split is missing or empty.
    """
    top = existing(root, "data.root")
    folders, undivided = layout(top, split)
    # Undivided pairs are one set, whatever their shapes.
    training = [] if undivided or split == TRAIN or len(folders) == 2 else training_shapes(top)
    files = domain_files(direction, channels, input_channels, value_range)
    pairs = _pairs_of_two(folders, files) if len(folders) == 2 else _pairs_in_one(folders[0], training)
    directed: Pictures = SwappedPairs(pairs) if direction == "b2a" else pairs
    return share(directed, split, str(top)) if undivided else directed


def _pairs_in_one(folder: Path, training: Sequence[Size]) -> "SideBySide":
    paths = images_in(folder)
    if are_arrays(paths):
        raise UserError(
            f"{folder} has arrays in one folder: pairs of arrays are two folders, A and B, with equal names."
        )
    sizes = upright_sizes(paths, str(folder))
    odd = {path: f"{path} ({as_text(size)})" for path, size in sizes.items() if size[0] % 2}
    if odd:
        error = UserError(
            f"{some(list(odd.values()))}: an odd width cannot be halved into A and B; pairs are "
            "pictures with A on the left and B on the right, or two folders A and B."
        )
        fix = "make the width even, with A in the left half and B in the right"
        report_problem(error, Problem("pairs of an odd width, which cannot be halved", tuple(odd.values()), fix))
    single = set(single_pictures({path: size for path, size in sizes.items() if path not in odd}, training, folder))
    return SideBySide(FilePictures([path for path in sizes if path not in odd and path not in single]))


def _pairs_of_two(folders: Sequence[Path], files: Sequence[DomainFiles]) -> "TwoFolders":
    (a, b), (files_a, files_b) = folders, files
    paths_a, paths_b = images_in(a), images_in(b)
    names_a, names_b = _by_name(paths_a, a), _by_name(paths_b, b)
    unmatched = [names_a[name] for name in names_a if name not in names_b]
    unmatched += [names_b[name] for name in names_b if name not in names_a]
    if unmatched:
        error = UserError(
            f"{a} has {len(paths_a):,} images and {b} has {len(paths_b):,}, and a pair needs equal names; without a "
            f"counterpart: {some(sorted(unmatched))}."
        )
        fix = f"add the missing pictures, with the same name in {a} and {b}, or remove these"
        report_problem(error, Problem("no partner of that name", tuple(sorted(unmatched)), fix))
    pairs = [(path, names_b[name]) for name, path in names_a.items() if name in names_b]
    sizes_a = files_a.sizes([path_a for path_a, _ in pairs], str(a))
    sizes_b = files_b.sizes([path_b for _, path_b in pairs], str(b))
    readable = [(path_a, path_b) for path_a, path_b in pairs if path_a in sizes_a and path_b in sizes_b]
    unequal = [
        f"{path_a} has {as_text(sizes_a[path_a])} pixels and {path_b} {as_text(sizes_b[path_b])}"
        for path_a, path_b in readable
        if sizes_a[path_a] != sizes_b[path_b]
    ]
    if unequal:
        error = UserError(f"the two pictures of a pair must have the same size: {some(unequal)}.")
        report_problem(
            error, Problem("pairs of unequal sizes", tuple(unequal), "resize one of the two to the other's size")
        )
    equal = [(path_a, path_b) for path_a, path_b in readable if sizes_a[path_a] == sizes_b[path_b]]
    return TwoFolders(files_a.opened([path_a for path_a, _ in equal]), files_b.opened([path_b for _, path_b in equal]))


def _by_name(paths: Sequence[str], top: Path) -> dict[str, str]:
    """Return each path by its name relative to the folder, without suffix."""
    named: dict[str, str] = {}
    for path in paths:
        name = str(Path(path).relative_to(top).with_suffix(""))
        if name in named:
            error = UserError(f"{named[name]} and {path} have the same name, so the pair is ambiguous.")
            report_problem(
                error,
                Problem("several files with the same name", (f"{named[name]} and {path}",), "rename or remove one"),
            )
        named.setdefault(name, path)
    return named


class SideBySide:
    """Pairs from pictures with A, the input, in the left half and B in the right."""

    classes: tuple[str, ...] = ()

    def __init__(self, pictures: FilePictures) -> None:
        self.pictures = pictures

    def __len__(self) -> int:
        return len(self.pictures)

    def __getitem__(self, index: int) -> tuple[Pair, int]:
        picture = ImageOps.exif_transpose(self.pictures[index][0])
        half = picture.width // 2
        return Pair(*(crop(picture, (left, 0, left + half, picture.height)) for left in (0, half))), 0

    def name(self, index: int) -> str:
        """Return the path of one pair."""
        return self.pictures.name(index)


class TwoFolders:
    """Pairs from two equally long sets of pictures, inputs first."""

    classes: tuple[str, ...] = ()

    def __init__(self, inputs: Pictures, targets: Pictures) -> None:
        self.inputs = inputs
        self.targets = targets

    def __len__(self) -> int:
        return len(self.targets)

    def __getitem__(self, index: int) -> tuple[Pair, int]:
        return Pair(*(_turned(pictures[index][0]) for pictures in (self.inputs, self.targets))), 0

    def name(self, index: int) -> str:
        """Return the paths of one pair."""
        return f"{name_of(self.inputs, index)} or {name_of(self.targets, index)}"


def _turned(item: Any) -> Any:
    """Return a picture rotated by its EXIF orientation, an array as it is."""
    return ImageOps.exif_transpose(item) if isinstance(item, Image.Image) else item


class SwappedPairs:
    """Pairs with inputs and targets swapped."""

    classes: tuple[str, ...] = ()

    def __init__(self, pairs: "SideBySide | TwoFolders") -> None:
        self.pairs = pairs

    def __len__(self) -> int:
        return len(self.pairs)

    def __getitem__(self, index: int) -> tuple[Pair, int]:
        pair, label = self.pairs[index]
        return Pair(pair.target, pair.input), label

    def name(self, index: int) -> str:
        """Return the paths of one pair."""
        return self.pairs.name(index)
