"""Labels in columns of a table: one class for each row, or several attributes."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np

from ganexp.data.labels.rows import OFF, ON
from ganexp.data.shards.class_numbers import numbered, rows_without_labels
from ganexp.errors import UserError
from ganexp.terminal.text import first_names, shortened

MOST_ATTRIBUTES = 1000

Values = Mapping[str, Sequence[Any]]
"""Values of rows by column."""


class Labels(NamedTuple):
    """Labels of rows, class numbers (N,), int64, or attributes (N, A) of 0 and 1, int8, and the names of these."""

    numbers: np.ndarray
    names: list[str]


class LabelColumns(Protocol):
    """Columns of a table that have its labels; ``names`` are those of the classes, None where only the rows tell."""

    columns: list[str]
    names: list[str] | None
    has_attributes: bool

    def read(self, values: Values, first: int = 0) -> Labels:
        """Return the labels of consecutive rows, of which ``first`` is the number of the first one, for messages.

        Raises UserError, naming the first rows and their number, for rows without a label that can be used.
        """


def label_of(row: Mapping[str, Any], columns: LabelColumns, number: int) -> Any:
    """Return the label of the row with this number, () or (A,); raises UserError as `LabelColumns` describes."""
    return columns.read({column: [row[column]] for column in columns.columns}, number).numbers[0]


class _OfOneColumn:
    """Labels of one column, with the ``names`` that they have in all rows, None where only the rows tell."""

    def __init__(self, column: str, names: list[str] | None, where: str) -> None:
        self.columns = [column]
        self.names = names
        self.where = f"{where}, column {column}"


class Classes(_OfOneColumn):
    """One class for each row: the number of one of the ``names``, or without these a whole number or text."""

    has_attributes = False

    def read(self, values: Values, first: int = 0) -> Labels:
        """Return the labels of consecutive rows; raises UserError as `LabelColumns` describes."""
        (rows,) = (values[column] for column in self.columns)
        if self.names is None:
            return Labels(*numbered(rows, self.where))
        without = [f"row {first + row}" for row, value in enumerate(rows) if value is None or value < 0]
        if without:
            raise rows_without_labels(without, self.where)
        outside = f"rows have numbers other than 0 to {len(self.names) - 1}"
        _refuse(rows, first, self.where, lambda value: value >= len(self.names or ()), outside)
        return Labels(np.asarray(rows, dtype=np.int64), self.names)


class Lists(_OfOneColumn):
    """A list for each row of the attributes that apply: numbers of the ``names``, or whole numbers, or text.

    Without names, whole numbers are attributes 0 to the largest of them, and texts are sorted.
    """

    has_attributes = True

    def read(self, values: Values, first: int = 0) -> Labels:
        """Return the labels of consecutive rows; raises UserError as `LabelColumns` describes."""
        (rows,) = (values[column] for column in self.columns)
        _refuse(rows, first, self.where, lambda row: not isinstance(row, list), "rows are no lists")
        is_text = self.names is None and type(next((item for row in rows for item in row), None)) is str
        kind, others = (str, "lists are not of text") if is_text else (int, "lists are not of whole numbers")
        _refuse(rows, first, self.where, lambda row: any(type(item) is not kind for item in row), others)
        names = self.names or self._names_in(rows)
        self._require_few(names)
        if is_text:
            number_of = {name: number for number, name in enumerate(names)}
            rows = [sorted({number_of[item] for item in row}) for row in rows]
        outside = f"lists have numbers other than 0 to {len(names) - 1}"
        _refuse(rows, first, self.where, lambda row: any(not 0 <= item < len(names) for item in row), outside)
        # Zeros and ones for all attributes would be taken for the numbers of two.
        twice = "lists have a number twice, so they do not say which apply"
        _refuse(rows, first, self.where, lambda row: len(set(row)) < len(row), twice)
        attributes = np.zeros((len(rows), len(names)), dtype=np.int8)
        for row, items in enumerate(rows):
            attributes[row, items] = 1
        return Labels(attributes, names)

    def _names_in(self, rows: Sequence[list[Any]]) -> list[str]:
        found = sorted({item for row in rows for item in row})
        if not found:
            raise UserError(f"{self.where}: all lists are empty")
        if isinstance(found[0], str):
            return found
        # Numbers from somebody else may be endless.
        return [str(number) for number in range(min(found[-1], MOST_ATTRIBUTES) + 1)]

    def _require_few(self, names: Sequence[str]) -> None:
        if len(names) > MOST_ATTRIBUTES:
            shown = first_names([shortened(name) for name in names])
            raise UserError(f"{self.where}: more than {MOST_ATTRIBUTES:,} attributes ({shown})")


class Flags:
    """A column for each attribute, of true and false, 1 and 0, or 1 and -1."""

    has_attributes = True

    def __init__(self, columns: Sequence[str], where: str) -> None:
        self.columns = list(columns)
        self.names: list[str] | None = list(columns)
        self.where = where

    def read(self, values: Values, first: int = 0) -> Labels:
        """Return the labels of consecutive rows; raises UserError as `LabelColumns` describes."""
        attributes = []
        for column in self.columns:
            where, rows = f"{self.where}, column {column}", values[column]
            _refuse(rows, first, where, lambda value: _text(value) not in ON + OFF, "values are not 0 or 1, or -1 or 1")
            attributes.append([_text(value) in ON for value in rows])
        return Labels(np.asarray(attributes, dtype=np.int8).T.copy(), self.columns)


def _text(value: Any) -> str:
    return str(value).strip().lower()


def _refuse(rows: Sequence[Any], first: int, where: str, is_bad: Callable[[Any], bool], what: str) -> None:
    """Raise UserError with the first three and the number of the rows that are bad, if any are."""
    bad = [f"row {first + number} ({shortened(str(row), 40)})" for number, row in enumerate(rows) if is_bad(row)]
    if bad:
        raise UserError(f"{where}: {len(bad):,} {what}: {first_names(bad)}")
