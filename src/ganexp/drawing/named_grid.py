"""Grids with the names of their columns, or of the classes or attributes of each sample."""

from collections.abc import Sequence

from PIL import Image
from torch import Tensor

from ganexp.drawing.captions import captioned, column_classes
from ganexp.drawing.contact_sheet import contact_sheet
from ganexp.drawing.pictures import picture
from ganexp.numerics.pixels import are_points

WIDTH = 8
"""The number of columns, or a little less, of a grid whose samples have fewer classes."""


def wide(columns: int) -> int:
    """Return the columns of a grid of samples that repeat their classes after some: few classes stand there again."""
    return columns * max(1, WIDTH // columns)


def grid_of_columns(images: Tensor, names: Sequence[str]) -> Image.Image:
    """Return the picture of images (N * len(names), C, H, W), row by row, with the name of each column above it."""
    return captioned(picture(images, len(names)), names)


def named_grid(samples: Tensor, columns: int, captions: Sequence[str] | None) -> Image.Image:
    """Return the picture of samples (N, C, H, W), whose captions repeat in order.

    Captions are above the columns where these have one each, else below every sample.
    """
    if captions is None or are_points(samples):
        return picture(samples, columns)
    columns = columns // len(captions) * len(captions) or columns
    numbers = column_classes(range(len(captions)), columns)
    if numbers is None:
        return contact_sheet(samples, [captions[number % len(captions)] for number in range(len(samples))], columns)
    return captioned(picture(samples, columns), [captions[number] for number in numbers[: len(samples)]])
