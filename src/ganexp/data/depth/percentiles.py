"""Ranges of values measured on the training images, as usual for medical images."""

from collections.abc import Callable, Sequence

import numpy as np

from ganexp.data.arrays import as_picture
from ganexp.data.decoding import deep_values
from ganexp.data.depth.value_range import ValueRange
from ganexp.data.pictures import Pictures, name_of
from ganexp.data.unreadable import unreadable
from ganexp.errors import UserError
from ganexp.terminal.progress import progress

MOST_IMAGES = 1000
MOST_VALUES = 10_000
"""The largest number of values that are taken of an image."""
PERCENTILES = (0.5, 99.5)
"""The default of ``data.percentiles``."""

Choose = Callable[[object], object]
"""Chooses the picture of an item, such as the input of a pair."""


def checked_percentiles(percentiles: Sequence[float]) -> tuple[float, float]:
    """Return two percentiles; raises UserError unless they are increasing and within [0, 100]."""
    values = tuple(percentiles)
    if len(values) != 2 or not 0 <= values[0] < values[1] <= 100:
        raise UserError(
            f"data.percentiles={list(values)}: give two increasing numbers from 0 to 100, such as [0.5,99.5]."
        )
    return float(values[0]), float(values[1])


def whole_item(item: object) -> object:
    """Return an item unchanged, as its only picture."""
    return item


def measured_range(
    pictures: Pictures, channels: int, percentiles: tuple[float, float], chosen: Choose = whole_item
) -> ValueRange:
    """Return the two percentiles of the images' values as a range.

    They are a function of the images alone: of at most 1000 images, evenly spread, at most 10,000 values each, evenly
    spread too. Raises UserError for images that cannot be read and for images that are constant.
    """
    total = len(pictures)
    numbers = np.linspace(0, total - 1, min(total, MOST_IMAGES)).round().astype(int)
    parts = []
    with progress("measuring values", len(numbers)) as advance:
        for number in numbers.tolist():
            try:
                values = deep_values(as_picture(chosen(pictures[number][0])), channels).ravel()
            except Exception as error:  # a broken file makes Pillow raise nearly anything
                raise unreadable([(name_of(pictures, number), error)], total) from error
            places = np.linspace(0, values.size - 1, min(values.size, MOST_VALUES)).round().astype(int)
            parts.append(values[places].astype(np.float64))
            advance(1)
    low, high = np.percentile(np.concatenate(parts), percentiles).tolist()
    if not low < high:
        raise UserError(
            f"data.value_range=percentiles: percentiles {percentiles[0]:g} and {percentiles[1]:g} of the images are "
            f"both {low:g}; state the range, such as data.value_range=[0,4095]."
        )
    return ValueRange(low, high)
