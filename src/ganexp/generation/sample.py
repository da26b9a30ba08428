"""Sampling from a trained generator to image files."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from torch import Tensor

from ganexp.drawing.captions import captioned, column_classes
from ganexp.drawing.pictures import picture, save
from ganexp.errors import UserError
from ganexp.generation.class_folders import class_folders
from ganexp.generation.image_files import ImageFiles
from ganexp.numerics.flags import full_precision
from ganexp.numerics.pixels import are_points

GRID = "grid.png"
IMAGE_FILES = ImageFiles()


@full_precision()
def write_samples(
    model: Any,
    n: int,
    seed: int,
    labels: list[int] | None,
    out: Path,
    names: Sequence[str] | None = None,
    by_class: bool = False,
    files: ImageFiles = IMAGE_FILES,
) -> None:
    """Write ``n`` images as NNNNN.png, or as other ``files``, or points as points.csv, and a grid.png of all samples.

    ``names`` of the classes caption the grid's columns. With ``by_class`` the images are in a subfolder for each
    class, by default of every class in turn.
    """
    num_classes: int | None = getattr(model, "num_classes", None)
    if by_class and num_classes is None:
        raise UserError("by_class=true: this model was trained without labels; leave it out")
    if names is not None and len(names) != num_classes:
        names = None
    labels = list(range(num_classes or 0)) if by_class and labels is None else labels
    try:
        samples = model.sample(n, seed, labels).cpu()
    except ValueError as error:
        raise UserError(str(error)) from error
    if are_points(samples):
        np.savetxt(out / "points.csv", samples.flatten(1).numpy(), delimiter=",", header="x,y", comments="")
    else:
        folders = class_folders(labels[:n], names) if by_class and labels else {}
        for number, sample in enumerate(samples):
            folder = out / folders[labels[number % len(labels)]] if folders and labels else out
            files(sample, folder, f"{number:05d}")
    save(named_grid(samples, model.columns, labels, names), out / GRID)
    print(f"{n} samples and {GRID} are in {out}")


def named_grid(samples: Tensor, columns: int, labels: Sequence[int] | None, names: Sequence[str] | None) -> Image.Image:
    """Return the picture of samples (N, C, H, W) with the names of the columns' classes, where they have one each."""
    if names is None or are_points(samples):
        return picture(samples, columns)
    classes = range(columns) if labels is None else labels
    columns = columns // len(classes) * len(classes) or columns
    column_labels = column_classes(classes, columns)
    grid = picture(samples, columns)
    return grid if column_labels is None else captioned(grid, [names[label] for label in column_labels[: len(samples)]])
