"""Columns of a table of the package datasets: images and classes."""

from typing import Any

from ganexp.errors import UserError

NO_LABELS = "none"


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


def column_of_classes(features: Any, where: str, wanted: str | None) -> str | None:
    """Return the column of classes: the wanted one, or the only one of named classes; None for no labels.

    Raises UserError for a column that does not exist.
    """
    if wanted == NO_LABELS:
        return None
    named = [name for name, feature in features.items() if has_names(feature)]
    if wanted is not None and wanted not in features:
        raise UserError(
            f"data.source.label_column={wanted}: {where} has no such column; there are {', '.join(features)}, and "
            f"{NO_LABELS} for no labels"
        )
    return wanted or (named[0] if len(named) == 1 else None)


def has_names(feature: Any) -> bool:
    """Return whether a column is one of classes that have names."""
    return type(feature).__name__ == "ClassLabel"


def undecoded(table: Any, column: str, labels: str | None = None) -> Any:
    """Return the table with these columns only, its images as they are encoded."""
    selected = table.select_columns([column] if labels is None else [column, labels])
    feature = selected.features[column]
    if type(feature).__name__ != "Image":
        return selected
    return selected.cast_column(column, type(feature)(decode=False))


def _is_image(feature: Any) -> bool:
    """Return whether a column has images: as datasets mark them, encoded bytes, or a struct with such bytes."""
    inner = feature["bytes"] if isinstance(feature, dict) and "bytes" in feature else feature
    is_binary = getattr(inner, "dtype", None) in ("binary", "large_binary")
    return type(feature).__name__ == "Image" or is_binary
