"""Range of values that a run was trained with."""

from typing import Any

from omegaconf import OmegaConf

from ganexp.data.depth.value_range import MEASURED, ValueRange
from ganexp.errors import UserError
from ganexp.records import summary
from ganexp.runs.run import Run


def value_range_of(run: Run, which: str = "image") -> ValueRange | None:
    """Return the range of a run's images, or of its inputs (``which`` "input"); None for pictures of 8 bits.

    Raises UserError if it was to be measured and summary.json does not have it.
    """
    setting: Any = OmegaConf.select(run.config, "data.value_range")
    stated = OmegaConf.select(run.config, "data.input_value_range") if which == "input" else None
    if stated is not None or setting != MEASURED:
        chosen = setting if stated is None else stated
        return None if chosen is None else ValueRange.of(list(chosen))
    recorded = summary.read(run.folder).get(summary.VALUE_RANGES)
    value = recorded.get(which) if isinstance(recorded, dict) else None
    if not isinstance(value, list):
        raise UserError(
            f"{run.folder / summary.FILE} lacks the range of values that training measured "
            f"({summary.VALUE_RANGES}.{which}): train the run before."
        )
    return ValueRange.of(value)


def ranges_of(run: Run, direction: str) -> tuple[ValueRange | None, ValueRange | None]:
    """Return the ranges of what a model is given and of what it returns in one of its own directions."""
    inputs, outputs = ("input", "image") if direction == "a2b" else ("image", "input")
    return value_range_of(run, inputs), value_range_of(run, outputs)
