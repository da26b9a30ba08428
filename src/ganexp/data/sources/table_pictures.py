"""Pictures from the rows of a table, one column of which has encoded images."""

import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from ganexp.errors import UserError
from ganexp.files.pictures import open_picture


class EncodedPictures:
    """Pictures encoded in a column of a table, a row of which is {column: bytes or {"bytes", "path"}, …}.

    ``classes`` are the names of classes or attributes. A row that has the path of a file instead of its bytes is read
    only if that file lies in one of the ``folders``.
    """

    def __init__(self, column: str, classes: Sequence[str], where: str, folders: Sequence[Path] = ()) -> None:
        self.column = column
        self.classes = list(classes)
        self.where = where
        self.folders = [folder.resolve() for folder in folders]

    def name(self, index: int) -> str:
        """Return the table and the row of one picture."""
        return f"{self.where}, row {index}"

    def _opened(self, row: Mapping[str, Any]) -> Image.Image:
        image = open_picture(io.BytesIO(self._encoded(row[self.column])))
        image.load()
        return image

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


class TablePictures(EncodedPictures):
    """Pictures of a table that has every row at hand, as `rows[i]`.

    ``labels`` are the class numbers (N,) or the attributes (N, A) of all rows (None: unlabelled).
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
        super().__init__(column, classes, where, folders)
        self.rows = rows
        self.labels = labels
        self.version = str(getattr(rows, "_fingerprint", ""))

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: int) -> tuple[Image.Image, Any]:
        return self._opened(self.rows[index]), 0 if self.labels is None else self.labels[index]
