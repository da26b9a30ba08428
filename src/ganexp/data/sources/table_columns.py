"""Columns of a table of the package datasets: images and labels."""

from collections.abc import Sequence
from typing import Any

from ganexp.data.sources.table_labels import Classes, Flags, LabelColumns, Lists
from ganexp.errors import UserError

NO_LABELS = "none"
LISTS = ("List", "LargeList", "Sequence")
"""Kinds of columns of lists, by the names that versions of datasets have for them."""


def column_of_images(features: Any, where: str, wanted: str | None) -> str:
    """Return the column of images: the wanted one, or the only one.

    Raises UserError for a column that does not exist, is not images, or has to be chosen.
    """
    images = [name for name, feature in features.items() if _is_image(feature)]
    columns = f"columns of images: {', '.join(images) or 'none'}; all: {', '.join(features)}"
    if wanted is None:
        if len(images) != 1:
            raise UserError(f"{where}: choose the column of images by data.source.image_column=NAME ({columns})")
        return str(images[0])
    if wanted not in features:
        raise UserError(f"data.source.image_column={wanted}: {where} has no such column ({columns})")
    if wanted not in images:
        raise UserError(f"data.source.image_column={wanted}: the column of {where} has no images ({columns})")
    return wanted


def columns_of_labels(features: Any, where: str, wanted: str | Sequence[str] | None) -> LabelColumns | None:
    """Return the columns of labels: the wanted ones, or the only one of named classes; None for no labels.

    A column of lists has several attributes for each image, and so have several columns.

    Raises UserError for columns that do not exist.
    """
    if wanted == NO_LABELS:
        return None
    if wanted is None:
        named = [name for name, feature in features.items() if _names(feature) is not None]
        return Classes(named[0], _names(features[named[0]]), where) if len(named) == 1 else None
    columns = [wanted] if isinstance(wanted, str) else list(wanted)
    absent = [column for column in columns if column not in features]
    if absent:
        raise UserError(
            f"data.source.label_column={absent[0]}: {where} has no such column; there are {', '.join(features)}, and "
            f"{NO_LABELS} for no labels"
        )
    if not isinstance(wanted, str):
        return Flags(columns, where)
    feature = features[wanted]
    if _is_list(feature):
        return Lists(wanted, _names(feature[0] if isinstance(feature, list) else feature.feature), where)
    return Classes(wanted, _names(feature), where)


def undecoded(table: Any, column: str, labels: Sequence[str] = ()) -> Any:
    """Return the table with these columns only, its images as they are encoded."""
    selected = table.select_columns([column, *labels])
    feature = selected.features[column]
    if type(feature).__name__ != "Image":
        return selected
    return selected.cast_column(column, type(feature)(decode=False))


def _names(feature: Any) -> list[str] | None:
    """Return the names of a column of classes, None for other columns."""
    return list(feature.names) if type(feature).__name__ == "ClassLabel" else None


def _is_list(feature: Any) -> bool:
    return isinstance(feature, list) or type(feature).__name__ in LISTS


def _is_image(feature: Any) -> bool:
    """Return whether a column has images: as datasets mark them, encoded bytes, or a struct with such bytes."""
    inner = feature["bytes"] if isinstance(feature, dict) and "bytes" in feature else feature
    is_binary = getattr(inner, "dtype", None) in ("binary", "large_binary")
    return type(feature).__name__ == "Image" or is_binary
