"""Pictures from the rows of a table, one column of which has encoded images."""

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from ganexp.data.first_names import first_names
from ganexp.errors import UserError


class TablePictures:
    """Pictures encoded in a column of a table, which `rows[i]` reads as {column: bytes or {"bytes", "path"}}.

    ``labels`` are the class numbers of all rows (None: unlabelled). A row that has the path of a file instead of its
    bytes is read only if that file lies in one of the ``folders``.
    """

    def __init__(
        self,
        rows: Any,
        column: str,
        labels: np.ndarray | None,
        classes: Sequence[str],
        where: str,
        folders: Sequence[Path] = (),
    ) -> None:
        self.rows = rows
        self.column = column
        self.labels = labels
        self.classes = list(classes)
        self.where = where
        self.version = str(getattr(rows, "_fingerprint", ""))
        self.folders = [folder.resolve() for folder in folders]

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: int) -> tuple[Image.Image, int]:
        image = Image.open(io.BytesIO(self._encoded(self.rows[index][self.column])))
        image.load()
        return image, 0 if self.labels is None else int(self.labels[index])

    def name(self, index: int) -> str:
        """Return the table and the row of one picture."""
        return f"{self.where}, row {index}"

    def _encoded(self, value: Any) -> bytes:
        if isinstance(value, bytes):
            return value
        content, path = (value.get("bytes"), value.get("path")) if isinstance(value, dict) else (None, None)
        if isinstance(content, bytes):
            return content
        if path is None:
            raise UserError("no image")
        # A table from somebody else may name any file of this machine.
        if not any(Path(path).resolve().is_relative_to(folder) for folder in self.folders):
            raise UserError(f"it names {path}, outside of the data's folder")
        return Path(path).read_bytes()


def numbered(values: Sequence[Any], where: str) -> tuple[np.ndarray, list[str]]:
    """Return the class numbers (N,) and the sorted class names of labels, which are whole numbers or text.

    Whole numbers stay as they are, the classes being 0 to the largest of them. Raises UserError naming the first rows
    without a label, and for labels of other types.
    """
    without = [f"row {row}" for row, value in enumerate(values) if value is None or value == -1]
    if without:
        raise rows_without_labels(without, where)
    if all(isinstance(value, int) and not isinstance(value, bool) for value in values):
        numbers = np.asarray(values, dtype=np.int64)
        if numbers.min() < 0 or numbers.max() >= max(1000, len(numbers)):
            raise UserError(f"{where}: labels from {numbers.min()} to {numbers.max()} are no class numbers")
        return numbers, [str(number) for number in range(int(numbers.max()) + 1)]
    if all(isinstance(value, str) for value in values):
        names = sorted(set(values))
        number_of = {name: number for number, name in enumerate(names)}
        return np.asarray([number_of[value] for value in values], dtype=np.int64), names
    raise UserError(f"{where}: labels must be whole numbers or text, not {type(values[0]).__name__}")


def rows_without_labels(rows: Sequence[str], where: str) -> UserError:
    """Return the error for rows without labels."""
    return UserError(f"{where}: {len(rows):,} labels are missing: {first_names(rows)}")
