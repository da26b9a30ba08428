"""Pictures from the rows of a table, one column of which has encoded images."""

import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

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
        return self._opened(self.rows[index]), 0 if self.labels is None else int(self.labels[index])

    def name(self, index: int) -> str:
        """Return the table and the row of one picture."""
        return f"{self.where}, row {index}"

    def _opened(self, row: Mapping[str, Any]) -> Image.Image:
        image = Image.open(io.BytesIO(self._encoded(row[self.column])))
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
