"""Metrics in metrics.csv, one row per number of images seen."""

import csv
from argparse import Namespace
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from lightning.pytorch.loggers.logger import Logger
from lightning.pytorch.utilities import rank_zero_only

from ganexp.errors import UserError
from ganexp.files.atomic import named_errors, replacing


class MetricsCSV(Logger):
    """Appends rows to ``folder``/metrics.csv; its first column is the number of images seen.

    A new metric adds a column. Metrics logged at the same number of images share a row. A resumed run first drops the
    rows beyond its checkpoint.
    """

    def __init__(self, folder: str) -> None:
        super().__init__()
        self.path = Path(folder) / "metrics.csv"
        self.columns = self._header()
        self.latest: dict[str, Any] = {}

    @property
    def name(self) -> str:
        """Return the file's name."""
        return self.path.name

    @property
    def version(self) -> str:
        """Return an empty version, as a run's folder has one file."""
        return ""

    @rank_zero_only
    def log_hyperparams(self, params: dict[str, Any] | Namespace, *_: object, **__: object) -> None:
        """Log nothing, as config.yaml has the settings."""

    @rank_zero_only
    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        """Append a row; ``step`` is the number of images seen."""
        row = {"images": step, **metrics}
        same_row = self.latest.get("images") == step
        if same_row or not set(row) <= set(self.columns):
            self.columns += [name for name in row if name not in self.columns]
            rows: list[dict[str, Any]] = [*self._rows()]
            self.latest = {**rows.pop(), **row} if same_row else row
            self._rewrite([*rows, self.latest])
        else:
            self.latest = row
            with named_errors(self.path), self.path.open("a", encoding="utf-8", newline="") as file:
                csv.DictWriter(file, self.columns).writerow(row)

    @rank_zero_only
    def forget_after(self, images: int) -> None:
        """Drop the rows beyond ``images``, which a resumed run writes again, and truncated ones."""
        if self.path.exists():
            with self._named():
                complete = [row for row in self._rows() if None not in row.values()]
                kept = [row for row in complete if int(row["images"]) <= images]
            self._rewrite(kept)

    @contextmanager
    def _named(self) -> Iterator[None]:
        """Raise UserError naming the file for content that no logger has written."""
        try:
            yield
        except (ValueError, KeyError, csv.Error) as error:
            raise UserError(
                f"{self.path} is damaged: it has no table of numbers by images seen; move it away to begin a new one"
            ) from error

    def _header(self) -> list[str]:
        if not self.path.exists():
            return []
        with self._named(), self.path.open(newline="", encoding="utf-8") as file:
            return next(csv.reader(file), [])

    def _rows(self) -> list[dict[str, str]]:
        if not self.path.exists():
            return []
        with self.path.open(encoding="utf-8", newline="") as file:
            return list(csv.DictReader(file))

    def _rewrite(self, rows: Sequence[Mapping[str, Any]]) -> None:
        with replacing(self.path, newline="") as file:
            writer = csv.DictWriter(file, self.columns)
            writer.writeheader()
            writer.writerows(rows)
