"""Folders of pairs."""

from collections.abc import Sequence
from pathlib import Path

from PIL import ImageOps

from ganexp.data.complaints import Problem, complain
from ganexp.data.folders import existing
from ganexp.data.headers import upright_sizes
from ganexp.data.pairing import Pair, as_text
from ganexp.data.pictures import FilePictures, Pictures
from ganexp.data.sources.layout import images_in, layout, share
from ganexp.errors import UserError

NAMES_SHOWN = 3


def paired_folder(split: str, root: str, direction: str = "a2b") -> Pictures:
    """Return the pairs of a folder, as `Pair`s with label 0.

    A pair is one picture, A in its left and B in its right half, or two pictures of equal names in two folders.
    `layout` says where the splits lie. Without a test split, every tenth pair is for tests. The input is A, or B for
    the direction b2a.

    Raises UserError naming the files if names or sizes do not match, a width is odd, or a file is no image; and if the
    folder or the split is missing or empty.
    """
    top = existing(root, "data.root")
    folders, undivided = layout(top, split)
    pairs = _pairs_of_two(*folders) if len(folders) == 2 else _pairs_in_one(*folders)
    turned: Pictures = Turned(pairs) if direction == "b2a" else pairs
    return share(turned, split, str(top)) if undivided else turned


def _pairs_in_one(folder: Path) -> "SideBySide":
    sizes = upright_sizes(images_in(folder), str(folder))
    odd = {path: f"{path} ({as_text(size)})" for path, size in sizes.items() if size[0] % 2}
    if odd:
        refusal = UserError(
            f"{_some(list(odd.values()))}: an odd width cannot be halved into A and B; pairs are "
            "pictures with A left and B right, or two folders A and B."
        )
        fix = "put A in the left and B in the right half of an even width"
        complain(refusal, Problem("pairs of an odd width, which cannot be halved", tuple(odd.values()), fix))
    return SideBySide(FilePictures([path for path in sizes if path not in odd]))


def _pairs_of_two(a: Path, b: Path) -> "TwoFolders":
    paths_a, paths_b = images_in(a), images_in(b)
    names_a, names_b = _by_name(paths_a, a), _by_name(paths_b, b)
    alone = [names_a[name] for name in names_a if name not in names_b]
    alone += [names_b[name] for name in names_b if name not in names_a]
    if alone:
        refusal = UserError(
            f"{a} has {len(paths_a):,} images and {b} has {len(paths_b):,}, and a pair needs equal names; without a "
            f"counterpart: {_some(sorted(alone))}."
        )
        fix = f"add the missing pictures, of the same name in {a} and {b}, or remove these"
        complain(refusal, Problem("no partner of that name", tuple(sorted(alone)), fix))
    pairs = [(path, names_b[name]) for name, path in names_a.items() if name in names_b]
    sizes_a = upright_sizes([one for one, _ in pairs], str(a))
    sizes_b = upright_sizes([other for _, other in pairs], str(b))
    readable = [(one, other) for one, other in pairs if one in sizes_a and other in sizes_b]
    unequal = [
        f"{one} has {as_text(sizes_a[one])} pixels and {other} {as_text(sizes_b[other])}"
        for one, other in readable
        if sizes_a[one] != sizes_b[other]
    ]
    if unequal:
        refusal = UserError(f"the two pictures of a pair must have one size: {_some(unequal)}.")
        complain(
            refusal, Problem("pairs of unequal sizes", tuple(unequal), "resize one of the two to the other's size")
        )
    equal = [(one, other) for one, other in readable if sizes_a[one] == sizes_b[other]]
    return TwoFolders(FilePictures([one for one, _ in equal]), FilePictures([other for _, other in equal]))


def _by_name(paths: Sequence[str], top: Path) -> dict[str, str]:
    """Return each path by its name below the folder, without suffix."""
    named: dict[str, str] = {}
    for path in paths:
        name = str(Path(path).relative_to(top).with_suffix(""))
        if name in named:
            refusal = UserError(f"{named[name]} and {path} have one name, so that it is open which belongs to a pair.")
            complain(refusal, Problem("two files of one name", (f"{named[name]} and {path}",), "rename or remove one"))
        named.setdefault(name, path)
    return named


def _some(names: Sequence[str]) -> str:
    more = f"; and {len(names) - NAMES_SHOWN:,} more" if len(names) > NAMES_SHOWN else ""
    return f"{'; '.join(names[:NAMES_SHOWN])}{more}"


class SideBySide:
    """Pairs from pictures that show A, the input, in the left and B in the right half."""

    classes: tuple[str, ...] = ()

    def __init__(self, pictures: FilePictures) -> None:
        self.pictures = pictures

    def __len__(self) -> int:
        return len(self.pictures)

    def __getitem__(self, index: int) -> tuple[Pair, int]:
        both = ImageOps.exif_transpose(self.pictures[index][0])
        half = both.width // 2
        return Pair(both.crop((0, 0, half, both.height)), both.crop((half, 0, 2 * half, both.height))), 0

    def name(self, index: int) -> str:
        """Return the path of one pair."""
        return self.pictures.name(index)


class TwoFolders:
    """Pairs from two lists of pictures of equal length, the inputs first."""

    classes: tuple[str, ...] = ()

    def __init__(self, inputs: FilePictures, targets: FilePictures) -> None:
        self.inputs = inputs
        self.targets = targets

    def __len__(self) -> int:
        return len(self.targets)

    def __getitem__(self, index: int) -> tuple[Pair, int]:
        return Pair(*(ImageOps.exif_transpose(side[index][0]) for side in (self.inputs, self.targets))), 0

    def name(self, index: int) -> str:
        """Return the paths of one pair."""
        return f"{self.inputs.name(index)} or {self.targets.name(index)}"


class Turned:
    """Pairs whose targets are the inputs of others, and the other way round."""

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
