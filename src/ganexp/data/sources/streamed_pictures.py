"""Pictures of a table that is read over the network, in order and without keeping it."""

from collections.abc import Iterator
from typing import Any

from PIL import Image

from ganexp.data.sources.table_labels import LabelColumns, label_of
from ganexp.data.sources.table_pictures import EncodedPictures
from ganexp.errors import UserError, one_line


class StreamedPictures(EncodedPictures):
    """Pictures encoded in a column of a table that can only be read from its start on.

    ``rows`` is an iterable of {column: value}, whose `skip(n)` begins at row n. Only pictures that `prepare` has read
    can be read by number. Their ``labels`` have names (None: unlabelled).
    """

    def __init__(
        self,
        rows: Any,
        column: str,
        labels: LabelColumns | None,
        where: str,
        images: int,
        version: str,
    ) -> None:
        super().__init__(column, [] if labels is None else labels.names or [], where)
        self.rows = rows
        self.label_columns = labels
        self.has_attributes = labels is not None and labels.has_attributes
        self.images = images
        self.version = version
        self._prepared: dict[int, dict[str, Any]] = {}
        self._remaining: Iterator[dict[str, Any]] = iter(())
        self._next = -1

    def __len__(self) -> int:
        return self.images

    def __getitem__(self, index: int) -> tuple[Image.Image, Any]:
        if index not in self._prepared:
            raise UserError(f"{self.where} is streamed, so it can be read in order only: python -m ganexp data pack")
        row = self._prepared[index]
        return self._opened(row), 0 if self.label_columns is None else label_of(row, self.label_columns, index)

    def prepare(self, numbers: range) -> None:
        """Read the pictures with these numbers, which can be read by number until the next call.

        Reading goes on where it was, if that is where the numbers begin.

        Raises UserError if the connection fails, or if there are fewer rows.
        """
        kept = {number: row for number, row in self._prepared.items() if number in numbers}
        self._prepared = kept | {number: self._read(number) for number in numbers if number not in kept}

    def _read(self, number: int) -> dict[str, Any]:
        try:
            if number != self._next:
                self._remaining = iter(self.rows.skip(number))
            row = next(self._remaining)
        except StopIteration:
            raise UserError(f"{self.where} has {number:,} rows: data.source.images={number}") from None
        except Exception as error:  # clients of the network raise nearly anything
            self._next = -1
            raise UserError(f"{self.where}, row {number}: the connection failed ({one_line(error)})") from error
        self._next = number + 1
        return dict(row)
