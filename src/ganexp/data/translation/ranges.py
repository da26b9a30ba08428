"""Ranges of values of the inputs and the targets of a translation."""

from collections.abc import Sequence
from typing import NamedTuple

from ganexp.data.depth.value_range import ValueRange, checked_setting
from ganexp.errors import UserError


class Ranges(NamedTuple):
    """The ranges of values of inputs and of targets; None for pictures of 8 bits."""

    inputs: ValueRange | None
    targets: ValueRange | None

    @classmethod
    def stated(cls, value_range: str | Sequence[float] | None, inputs: Sequence[float] | None) -> "Ranges":
        """Return the ranges that two settings state, those to be measured as None.

        Raises UserError for an impossible range, and for one of inputs alone.
        """
        if inputs is not None and value_range is None:
            raise UserError(
                "data.input_value_range needs data.value_range, the range of the targets: such as [0,255] for pictures."
            )
        targets = checked_setting(value_range)
        return cls(targets if inputs is None else ValueRange.of(inputs), targets)
