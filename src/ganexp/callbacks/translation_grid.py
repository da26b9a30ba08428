"""Grids of translated test images, drawn repeatedly during training."""

from typing import Any

import lightning as L
from PIL import Image

from ganexp.callbacks.samples import SampleGrid
from ganexp.drawing.named_grid import grid_of_columns


class TranslationGrid(SampleGrid):
    """A SampleGrid of an image-to-image model: ``rows`` test images and their translations.

    The data module provides the ``examples``; the model's ``grid`` and ``shown`` define the row of each.
    """

    def render(self, trainer: L.Trainer, module: Any) -> Image.Image:
        """Return the grid."""
        examples = trainer.datamodule.examples(self.rows)  # type: ignore[attr-defined]
        return grid_of_columns(module.grid(examples), module.shown)

    def caption(self, trainer: L.Trainer, module: Any) -> str | None:
        """Return the names of the columns."""
        return f"columns: {', '.join(module.shown)}"
