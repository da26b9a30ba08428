"""Translations of the same test images, drawn again and again while training."""

import shutil
from typing import Any

import lightning as L
from lightning.pytorch.utilities import rank_zero_only

from ganexp.callbacks.samples import SampleGrid
from ganexp.pictures import grid, save


class TranslationGrid(SampleGrid):
    """A SampleGrid of a model that makes images from images: ``rows`` test images and what becomes of them.

    The data module gives the ``examples``, the model says by ``grid`` and ``columns`` what it shows of each.
    """

    @rank_zero_only
    def draw(self, trainer: L.Trainer, module: Any) -> None:
        """Draw once for each number of images seen."""
        path = self.folder / f"{module.images_seen:08d}.png"
        if path.exists():
            return
        drawn = grid(module.grid(trainer.datamodule.examples(self.rows)), module.columns)  # type: ignore[attr-defined]
        save(drawn, path)
        shutil.copyfile(path, path.with_name("latest.png"))
        for logger in trainer.loggers:
            if hasattr(logger, "log_image"):
                logger.log_image("samples", [drawn], step=module.images_seen)
