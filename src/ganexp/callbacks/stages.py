"""Grids of the stages of samples, for games whose generator draws them coarse to fine."""

from typing import Any

import lightning as L
from PIL import Image

from ganexp.callbacks.samples import SampleGrid
from ganexp.drawing.stage_grid import stage_grid
from ganexp.errors import UserError


class StageGrid(SampleGrid):
    """A SampleGrid of the stages of ``rows`` samples, which begins with the first interval.

    The model's ``sample_stages`` draws them.
    """

    name = "stages"

    def on_train_start(self, trainer: L.Trainer, module: Any) -> None:
        """Start counting; raises UserError for a model without stages."""
        if not hasattr(module, "sample_stages"):
            raise UserError("callbacks=stages: this model draws no stages; leave it out, or choose model=lapgan")
        self.every.start(module.images_seen)

    def render(self, trainer: Any, module: Any) -> Image.Image:
        """Return the grid, a sample in each row."""
        return stage_grid(module.sample_stages(self.rows, self.seed))

    def caption(self, trainer: Any, module: Any) -> str | None:
        """Return the order of the columns."""
        return "coarse to fine"
