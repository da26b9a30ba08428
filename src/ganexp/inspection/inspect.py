"""Inspection of a data set before training: statistics and problems of its pictures."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn.functional import interpolate

from ganexp.data.arrays import as_label, as_picture
from ganexp.data.decoding import is_grey
from ganexp.data.depth.planes import Planes
from ganexp.data.picture_set import PictureSet
from ganexp.data.pictures import classes_of, has_attributes, name_of
from ganexp.data.problems import Problem
from ganexp.data.unreadable import unreadable_problem
from ganexp.data.values import to_signed_unit
from ganexp.inspection.duplicates import Duplicates
from ganexp.inspection.kinds import KINDS, Kind, kinds_of
from ganexp.records.class_names import attribute_text
from ganexp.terminal.progress import progress

SAMPLES = 64
SAMPLE_SIZE = 128
IMBALANCE = 5
ONE_CHANNEL = "data.channels=1"
MIN_RANGE = 0.5
DEPTHS = {"1": 1, "I": 32, "F": 32}

Size = tuple[int, int]


@dataclass
class Inspection:
    """Statistics and problems of a set of pictures; ``lowest`` and ``highest`` bound the values that a model receives.

    ``samples`` are pictures as a model receives them, evenly spaced over the set: for each item, its one or two images
    (C, H, W) in [-1, 1].
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
    coloured: int = 0
    samples: list[tuple[Tensor, ...]] = field(default_factory=list)
    sample_classes: list[str] = field(default_factory=list)
    """The names of the samples' classes, or of their attributes; empty if the pictures are unlabelled."""
    problems: list[Problem] = field(default_factory=list)

    @property
    def readable(self) -> int:
        """The number of pictures that can be decoded."""
        return self.pictures - self.unreadable


def inspect(picture_set: PictureSet, duplicates: Duplicates) -> tuple[Inspection, list[str]]:
    """Return the inspection of a set and the names of its readable pictures, which are added to ``duplicates``.

    Each picture is decoded once and not kept; an unreadable one is recorded as a problem.
    """
    total = len(picture_set.pictures)
    inspection = Inspection(picture_set.name, total)
    classes = classes_of(picture_set.pictures)
    labels: Counter[int] = Counter()
    failures: list[tuple[str, Exception]] = []
    kinds: dict[Kind, list[str]] = defaultdict(list)
    tones: dict[bool, list[str]] = {True: [], False: []}
    names: list[str] = []
    chosen = set(np.linspace(0, total - 1, min(SAMPLES, total)).round().astype(int).tolist())
    with progress(f"inspecting {picture_set.name}", total) as advance:
        for index in range(total):
            name = name_of(picture_set.pictures, index)
            try:
                item, given = picture_set.pictures[index]
                item = as_picture(item)
                pixels = picture_set.decoder(item)
                label = as_label(given)
            except Exception as error:  # a broken file makes Pillow raise nearly anything
                failures.append((name, error))
            else:
                names.append(name)
                duplicates.add(pixels)
                labels.update(label.nonzero().flatten().tolist() if label.dim() else [int(label)])
                _count_header(inspection, item)
                for kind in kinds_of(picture_set.decoder):
                    if any(
                        kind.applies(picture, picture_set.decoder.image_size)
                        for picture in pictures_of(item)
                        if isinstance(picture, Image.Image)
                    ):
                        kinds[kind].append(name)
                shown = [to_signed_unit(images[0]) for images in picture_set.shown(pixels[None])]
                if len(shown) == 1 and isinstance(item, Image.Image):
                    tones[is_grey(item)].append(name)
                inspection.lowest = min(inspection.lowest, *(float(image.min()) for image in shown))
                inspection.highest = max(inspection.highest, *(float(image.max()) for image in shown))
                if index in chosen:
                    inspection.samples.append(tuple(map(_downsized, shown)))
                    inspection.sample_classes += _caption(label, classes)
            advance(1)
    inspection.unreadable = len(failures)
    inspection.coloured = len(tones[False])
    inspection.classes = {name: labels[number] for number, name in enumerate(classes)}
    if failures:
        inspection.problems.append(unreadable_problem(failures))
    inspection.problems += [Problem(kind.what, tuple(kinds[kind]), kind.fix) for kind in KINDS if kinds[kind]]
    inspection.problems += [
        *_tone_problems(tones, picture_set.decoder.channels),
        *([] if has_attributes(picture_set.pictures) else _class_problems(inspection.classes)),
        *_value_problems(inspection),
    ]
    return inspection, names


def problems_of(inspections: Sequence[Inspection]) -> list[Problem]:
    """Return the problems of all sets; that one is all grey is none where another has colours to keep."""
    coloured = any(inspection.coloured for inspection in inspections)
    every = [problem for inspection in inspections for problem in inspection.problems]
    return [problem for problem in every if not (coloured and problem.fix == ONE_CHANNEL)]


def pictures_of(item: Any) -> tuple[Image.Image, ...]:
    """Return the pictures of an item: one, or the two of a pair."""
    return tuple(map(as_picture, item)) if isinstance(item, tuple) else (item,)


def repeated(duplicates: Duplicates, names: Sequence[str]) -> Iterator[Problem]:
    """Yield the exact and the near-duplicates as problems; ``names`` are in the order of the pictures' addition."""
    for what, fix, originals in (
        ("exact duplicates", "remove all but one of each", duplicates.exact()),
        ("near-duplicates", "inspect them, and remove those that add nothing new", duplicates.near()),
    ):
        if originals:
            pairs = tuple((names[copy], names[first]) for copy, first in originals.items())
            yield Problem(what, tuple(f"{copy} (as {first})" for copy, first in pairs), fix, pairs)


def _count_header(inspection: Inspection, item: Any) -> None:
    for picture in pictures_of(item):
        inspection.sizes[picture.size] += 1
        inspection.modes[picture.mode] += 1
        inspection.depths[depth_of(picture)] += 1


def depth_of(picture: Image.Image | Planes) -> int:
    """Return the bits of a value of a picture."""
    if isinstance(picture, Planes):
        return 8 * picture.values.itemsize
    return 16 if picture.mode.startswith("I;") else DEPTHS.get(picture.mode, 8)


def _caption(label: Tensor, names: Sequence[str]) -> Sequence[str]:
    """Return the text of a class, or of attributes; none where classes have no names."""
    return [attribute_text(label.tolist(), names)] if label.dim() else names[int(label) : int(label) + 1]


def _downsized(image: Tensor) -> Tensor:
    longer = max(image.shape[-2:])
    if longer <= SAMPLE_SIZE:
        return image
    size = [max(1, round(side * SAMPLE_SIZE / longer)) for side in image.shape[-2:]]
    return interpolate(image[None], size=size, mode="area")[0]


def _tone_problems(tones: dict[bool, list[str]], channels: int) -> Iterator[Problem]:
    grey, coloured = tones[True], tones[False]
    if channels == 1 or not grey:
        return
    if not coloured:
        yield Problem(f"all are grey, and data.channels={channels}", (), ONE_CHANNEL)
    else:
        minority, tone = (grey, "grey") if len(grey) <= len(coloured) else (coloured, "coloured")
        yield Problem(f"{tone} pictures among others", tuple(minority), "remove them, or data.channels=1 for all")


def _class_problems(classes: dict[str, int]) -> Iterator[Problem]:
    counts = {name: count for name, count in classes.items() if count}
    if not counts:
        return
    most = max(counts.values())
    rare = tuple(f"{name} ({count:,})" for name, count in counts.items() if count * IMBALANCE < most)
    if rare:
        fix = "add pictures of them, leave them out, or data.num_classes=null"
        yield Problem(f"classes with less than a fifth of the largest's {most:,} pictures", rare, fix)


def _value_problems(inspection: Inspection) -> Iterator[Problem]:
    span = f"values from {inspection.lowest:.3g} to {inspection.highest:.3g}"
    if not inspection.readable:
        return
    if not torch.tensor([inspection.lowest, inspection.highest]).abs().le(1).all():
        yield Problem(f"{span}, outside [-1, 1]", (), "the code that returns the images must return uint8")
    elif inspection.highest - inspection.lowest < MIN_RANGE:
        yield Problem(
            f"{span} only, within [-1, 1]", (), "increase the pictures' contrast: a mask of 0 and 1 is nearly black"
        )
