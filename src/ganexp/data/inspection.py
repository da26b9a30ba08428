"""Looking at every picture of a data set before any training: what there is, and what is wrong."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn.functional import interpolate

from ganexp.data.collection import Collection
from ganexp.data.complaints import Problem
from ganexp.data.decoding import is_deep, is_grey, is_transparent
from ganexp.data.duplicates import Duplicates
from ganexp.data.pictures import classes_of, name_of
from ganexp.data.unreadable import unreadable_problem
from ganexp.data.values import to_signed_unit
from ganexp.terminal.progress import progress

SAMPLES = 64
SAMPLE_SIZE = 128
IMBALANCE = 5
LEAST_SPAN = 0.5
DEPTHS = {"1": 1, "I": 32, "F": 32}

Size = tuple[int, int]


class Kind(NamedTuple):
    """A kind of picture that trains, but not as its owner may think."""

    what: str
    fix: str
    applies: Callable[[Image.Image, int], bool]
    """Of the picture and the size that it is to have."""


KINDS = (
    Kind(
        "of 16 bits, scaled to 8",
        "none if they use the whole range, else scale them to 8 bits yourself",
        lambda picture, size: is_deep(picture),
    ),
    Kind(
        "transparent, put on white",
        "none if white is right, else save them on a background of your choice",
        lambda picture, size: is_transparent(picture),
    ),
    Kind(
        "CMYK, turned to RGB without a colour profile",
        "save them as RGB if colours matter",
        lambda picture, size: picture.mode == "CMYK",
    ),
    Kind(
        "smaller than what is trained on, enlarged",
        "a smaller data.image_size, or remove them",
        lambda picture, size: min(picture.size) < size,
    ),
    Kind(
        "more than twice as long as wide, half is cut off",
        "crop them to squares yourself, or remove them",
        lambda picture, size: max(picture.size) > 2 * min(picture.size),
    ),
)


@dataclass
class Inspection:
    """What there is in a collection: ``lowest`` and ``highest`` are values that a model is shown.

    ``samples`` are some of the pictures as a model is shown them, evenly spread over the collection: each the sides
    (C, S, S) in [-1, 1] of one item.
    """

    name: str
    pictures: int
    sizes: Counter[Size] = field(default_factory=Counter)
    modes: Counter[str] = field(default_factory=Counter)
    depths: Counter[int] = field(default_factory=Counter)
    classes: dict[str, int] = field(default_factory=dict)
    lowest: float = float("inf")
    highest: float = float("-inf")
    unreadable: int = 0
    samples: list[tuple[Tensor, ...]] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)

    @property
    def readable(self) -> int:
        """The number of pictures that can be decoded."""
        return self.pictures - self.unreadable


def inspect(collection: Collection, duplicates: Duplicates) -> tuple[Inspection, list[str]]:
    """Return what there is in a collection, and the name of each readable picture, which ``duplicates`` remembers.

    Each picture is decoded once and forgotten; what cannot be read is a problem, and no reason to stop.
    """
    total = len(collection.pictures)
    seen = Inspection(collection.name, total)
    classes = classes_of(collection.pictures)
    labels: Counter[int] = Counter()
    failures: list[tuple[str, Exception]] = []
    kinds: dict[Kind, list[str]] = defaultdict(list)
    tones: dict[bool, list[str]] = {True: [], False: []}
    names: list[str] = []
    chosen = set(np.linspace(0, total - 1, min(SAMPLES, total)).round().astype(int).tolist())
    with progress(f"looking at {collection.name}", total) as advance:
        for index in range(total):
            name = name_of(collection.pictures, index)
            try:
                item, label = collection.pictures[index]
                pixels = collection.decoder(item)
                label = int(label)
            except Exception as error:  # a broken file makes Pillow raise nearly anything
                failures.append((name, error))
            else:
                names.append(name)
                duplicates.add(pixels)
                labels[label] += 1
                _note_headers(seen, item)
                for kind in KINDS:
                    if any(kind.applies(side, collection.decoder.image_size) for side in sides_of(item)):
                        kinds[kind].append(name)
                shown = [to_signed_unit(side[0]) for side in collection.shown(pixels[None])]
                if len(shown) == 1:
                    tones[is_grey(item)].append(name)
                seen.lowest = min(seen.lowest, *(float(side.min()) for side in shown))
                seen.highest = max(seen.highest, *(float(side.max()) for side in shown))
                if index in chosen:
                    seen.samples.append(tuple(map(_shrunk, shown)))
            advance(1)
    seen.unreadable = len(failures)
    seen.classes = {name: labels[number] for number, name in enumerate(classes)}
    if failures:
        seen.problems.append(unreadable_problem(failures))
    seen.problems += [Problem(kind.what, tuple(kinds[kind]), kind.fix) for kind in KINDS if kinds[kind]]
    seen.problems += [*_of_tones(tones, collection.decoder.channels), *_of_classes(seen.classes), *_of_values(seen)]
    return seen, names


def sides_of(item: Any) -> tuple[Image.Image, ...]:
    """Return the pictures of an item: one, or the two of a pair."""
    return tuple(item) if isinstance(item, tuple) else (item,)


def repeated(duplicates: Duplicates, names: Sequence[str]) -> Iterator[Problem]:
    """Yield what is there twice, of pictures whose names are in the order in which they were remembered."""
    for what, fix, found in (
        ("the same picture again", "remove all but one of each", duplicates.equal()),
        ("nearly the same picture again", "look at them, and remove what is no picture of its own", duplicates.alike()),
    ):
        if found:
            yield Problem(what, tuple(f"{names[again]} (as {names[first]})" for again, first in found.items()), fix)


def _note_headers(seen: Inspection, item: Any) -> None:
    for side in sides_of(item):
        seen.sizes[side.size] += 1
        seen.modes[side.mode] += 1
        seen.depths[16 if side.mode.startswith("I;") else DEPTHS.get(side.mode, 8)] += 1


def _shrunk(image: Tensor) -> Tensor:
    size = min(SAMPLE_SIZE, image.shape[-1])
    return interpolate(image[None], size=(size, size), mode="area")[0] if size < image.shape[-1] else image


def _of_tones(tones: dict[bool, list[str]], channels: int) -> Iterator[Problem]:
    grey, coloured = tones[True], tones[False]
    if channels == 1 or not grey:
        return
    if not coloured:
        yield Problem(f"all are grey, and data.channels={channels}", (), "data.channels=1")
    else:
        fewer, of_what = (grey, "grey") if len(grey) <= len(coloured) else (coloured, "coloured")
        yield Problem(f"{of_what} pictures among others", tuple(fewer), "remove them, or data.channels=1 for all")


def _of_classes(classes: dict[str, int]) -> Iterator[Problem]:
    counts = {name: count for name, count in classes.items() if count}
    if not counts:
        return
    most = max(counts.values())
    rare = tuple(f"{name} ({count:,})" for name, count in counts.items() if count * IMBALANCE < most)
    if rare:
        fix = "add pictures of them, leave them out, or data.num_classes=null"
        yield Problem(f"classes with less than a fifth of the largest's {most:,} pictures", rare, fix)


def _of_values(seen: Inspection) -> Iterator[Problem]:
    found = f"values from {seen.lowest:.3g} to {seen.highest:.3g}"
    if not seen.readable:
        return
    if not torch.tensor([seen.lowest, seen.highest]).abs().le(1).all():
        yield Problem(f"{found}, outside of [-1, 1]", (), "what makes the images must return uint8")
    elif seen.highest - seen.lowest < LEAST_SPAN:
        yield Problem(f"{found} only, of [-1, 1]", (), "stretch the pictures' contrast: a mask of 0 and 1 is all black")
