"""Grids of translated test images, drawn repeatedly during training."""

from typing import Any

import lightning as L
from PIL import Image

from ganexp.callbacks.samples import SampleGrid
from ganexp.drawing.pictures import grid


class TranslationGrid(SampleGrid):
    """A SampleGrid of an image-to-image model: ``rows`` test images and their translations.

    The data module provides the ``examples``; the model's ``grid`` and ``columns`` define the row of each.
    """

    def render(self, trainer: L.Trainer, module: Any) -> Image.Image:
        """Return the grid."""
        return grid(module.grid(trainer.datamodule.examples(self.rows)), module.columns)  # type: ignore[attr-defined]
