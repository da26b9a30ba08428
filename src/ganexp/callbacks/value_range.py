"""Record of the range of values that was measured on the training images."""

from pathlib import Path
from typing import Any

import lightning as L

from ganexp.errors import UserError
from ganexp.records import summary


class RecordValueRange(L.Callback):
    """Records measured ranges in ``folder``/summary.json; a resumed run must measure the same."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def on_train_start(self, trainer: Any, module: Any) -> None:
        """Record the ranges; raises UserError if the run began with others."""
        measured = getattr(trainer.datamodule, "measured_ranges", None)
        if not measured:
            return
        before = summary.read(self.folder).get(summary.VALUE_RANGES)
        if module.images_seen and before is not None and before != measured:
            raise UserError(
                f"data.value_range=percentiles: the run began with {before}, and the training images now "
                f"have {measured}: continue with the images that it began with."
            )
        if trainer.is_global_zero:
            summary.update(self.folder, **{summary.VALUE_RANGES: measured})
