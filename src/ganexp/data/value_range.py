"""Ranges of values that are mapped to [-1, 1] without losing depth."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from ganexp.errors import UserError

MEASURED = "percentiles"
"""The setting that measures the range on the training images."""


class ValueRange(NamedTuple):
    """The values that become -1 and 1; values beyond are clipped."""

    low: float
    high: float

    @classmethod
    def of(cls, setting: Any) -> "ValueRange":
        """Return the range of a setting [low, high]; raises UserError for anything else and for an empty range."""
        values = list(setting) if isinstance(setting, Sequence) and not isinstance(setting, str) else []
        numbers = [float(value) for value in values if isinstance(value, int | float) and np.isfinite(value)]
        if len(values) != 2 or len(numbers) != 2 or numbers[0] >= numbers[1]:
            raise UserError(
                f"data.value_range={setting}: give [low, high] with low below high, such as [0,4095], {MEASURED}, "
                "or null for pictures of 8 bits."
            )
        return cls(*numbers)

    @property
    def text(self) -> str:
        """The range as it is written on the command line."""
        return f"[{self.low:g},{self.high:g}]"

    @property
    def is_sixteen_bit(self) -> bool:
        """Whether both ends are whole numbers that 16-bit pictures can hold."""
        return self.low >= 0 and self.high <= np.iinfo(np.uint16).max and all(float(end).is_integer() for end in self)

    def scaled(self, values: np.ndarray) -> np.ndarray:
        """Return values of any shape and real type as float32 in [-1, 1].

        Raises UserError for values that are not finite.
        """
        exact = values.astype(np.float64)
        if not np.isfinite(exact).all():
            raise UserError("some values are not finite (NaN or infinite): replace them before training")
        return ((exact.clip(self.low, self.high) - self.low) / (self.high - self.low) * 2 - 1).astype(np.float32)

    def restored(self, images: np.ndarray) -> np.ndarray:
        """Return images in [-1, 1], of any shape, in the units of the range, as float32."""
        exact = images.astype(np.float64).clip(-1, 1)
        return ((exact + 1) / 2 * (self.high - self.low) + self.low).astype(np.float32)


def checked_setting(setting: Any) -> ValueRange | None:
    """Return a stated range; None where it is to be measured, or where pixels have 8 bits.

    Raises UserError for an impossible setting.
    """
    return None if setting is None or setting == MEASURED else ValueRange.of(setting)
