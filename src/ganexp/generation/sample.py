"""Sampling from a trained generator to image files."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

from ganexp.drawing.named_grid import named_grid, wide
from ganexp.drawing.pictures import save
from ganexp.errors import UserError
from ganexp.generation.class_folders import class_folders
from ganexp.generation.image_files import ImageFiles
from ganexp.numerics.flags import full_precision
from ganexp.numerics.pixels import are_points
from ganexp.records.class_names import attribute_text
from ganexp.runs.model import takes_attributes

GRID = "grid.png"
IMAGE_FILES = ImageFiles()


@full_precision()
def write_samples(
    model: Any,
    n: int,
    seed: int,
    labels: Sequence[Any] | None,
    out: Path,
    names: Sequence[str] | None = None,
    by_class: bool = False,
    files: ImageFiles = IMAGE_FILES,
    codes: Sequence[int] | None = None,
) -> None:
    """Write ``n`` images as NNNNN.png, or as other ``files``, or points as points.csv, and a grid.png of all samples.

    ``labels`` are class numbers, or sets of attributes, of 0 and 1, and ``codes`` the categories of a model that found
    them itself. ``names`` of the classes, or of the attributes, caption the grid's columns. With ``by_class`` the
    images are in a subfolder for each class, by default of every class in turn.
    """
    num_classes: int | None = getattr(model, "num_classes", None)
    if by_class and num_classes is None:
        raise UserError("by_class=true: this model was trained without labels; leave it out")
    if names is not None and len(names) != num_classes:
        names = None
    labels = list(range(num_classes or 0)) if by_class and labels is None else labels
    try:
        samples = drawn(model, n, seed, labels, codes).cpu()
    except ValueError as error:
        raise UserError(str(error)) from error
    if are_points(samples):
        np.savetxt(out / "points.csv", samples.flatten(1).numpy(), delimiter=",", header="x,y", comments="")
    else:
        folders = class_folders(labels[:n], names) if by_class and labels else {}
        for number, sample in enumerate(samples):
            folder = out / folders[labels[number % len(labels)]] if folders and labels else out
            files(sample, folder, f"{number:05d}")
    captions = None if names is None else captions_of(model, labels, names)
    captions = captions if codes is None else [str(code) for code in codes]
    save(named_grid(samples, wide(model.columns), captions), out / GRID)
    print(f"{n} samples and {GRID} are in {out}")


def drawn(model: Any, n: int, seed: int, labels: Sequence[Any] | None, codes: Sequence[int] | None) -> Tensor:
    """Return the model's samples of labels or of codes, neither or one of which is given.

    Raises UserError for codes of a model without any, and ValueError for labels and codes that it does not have.
    """
    if codes is None:
        samples: Tensor = model.sample(n, seed, labels)
        return samples
    if not hasattr(model, "sample_categories"):
        raise UserError("codes: this model has no categories of its own, as infogan has; leave codes out")
    if labels is not None:
        raise UserError("labels: this model was trained without labels, its own categories are codes; leave labels out")
    of_codes: Tensor = model.sample_categories(n, seed, codes)
    return of_codes


def captions_of(model: Any, labels: Sequence[Any] | None, names: Sequence[str]) -> list[str] | None:
    """Return the captions of labels, which repeat in order, None for the attributes of training images."""
    if takes_attributes(model):
        return None if labels is None else [attribute_text(label, names) for label in labels]
    return [names[label] for label in (range(model.columns) if labels is None else labels)]
