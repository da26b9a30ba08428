"""Grid of samples with the names of their classes."""

from collections.abc import Sequence

from PIL import Image
from torch import Tensor

from ganexp.drawing.captions import captioned, column_classes
from ganexp.drawing.contact_sheet import contact_sheet
from ganexp.drawing.pictures import are_points, picture


def named_grid(samples: Tensor, columns: int, labels: Sequence[int] | None, names: Sequence[str] | None) -> Image.Image:
    """Return the picture of samples (N, C, H, W) with the names of their classes.

    Names are above the columns where these have a class each, else below every sample.
    """
    if names is None or are_points(samples):
        return picture(samples, columns)
    classes = range(columns) if labels is None else labels
    columns = columns // len(classes) * len(classes) or columns
    column_labels = column_classes(classes, columns)
    if column_labels is None:
        captions = [names[classes[number % len(classes)]] for number in range(len(samples))]
        return contact_sheet(samples, captions, columns)
    return captioned(picture(samples, columns), [names[label] for label in column_labels[: len(samples)]])
