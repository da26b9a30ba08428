"""Translations of the same test images, drawn again and again while training."""

from typing import Any

import lightning as L
from PIL import Image

from ganexp.callbacks.samples import SampleGrid
from ganexp.drawing.pictures import grid


class TranslationGrid(SampleGrid):
    """A SampleGrid of a model that makes images from images: ``rows`` test images and what becomes of them.

    The data module gives the ``examples``, the model says by ``grid`` and ``columns`` what it shows of each.
    """

    def drawn(self, trainer: L.Trainer, module: Any) -> Image.Image:
        """Return the grid."""
        return grid(module.grid(trainer.datamodule.examples(self.rows)), module.columns)  # type: ignore[attr-defined]
