"""Grids of the stages of samples, for games whose generator draws them coarse to fine."""

from pathlib import Path
from typing import Any

import lightning as L
from lightning.pytorch.utilities import rank_zero_only

from ganexp.callbacks.pace import Interval
from ganexp.drawing.pictures import save
from ganexp.drawing.stage_grid import stage_grid


class StageGrid(L.Callback):
    """Saves the stages of ``rows`` samples of fixed noise every ``every`` images and at the end.

    They go to ``folder`` as NNNNNNNN.png by images seen and as latest.png, and to every logger that supports images.
    """

    def __init__(self, folder: str, every: int, seed: int, rows: int = 8) -> None:
        if rows < 1:
            raise ValueError(f"callbacks.stages.rows={rows}: it must be 1 or more")
        self.folder = Path(folder)
        self.every = Interval(every)
        self.seed = seed
        self.rows = rows

    def on_train_start(self, trainer: L.Trainer, module: Any) -> None:
        """Start counting."""
        self.every.start(module.images_seen)

    def on_train_batch_end(self, trainer: L.Trainer, module: Any, *_: Any) -> None:
        """Draw when the interval has passed."""
        if self.every.due(module.images_seen):
            self.draw(trainer, module)

    def on_train_end(self, trainer: L.Trainer, module: Any) -> None:
        """Draw the last state."""
        self.draw(trainer, module)

    @rank_zero_only
    def draw(self, trainer: L.Trainer, module: Any) -> None:
        """Save and log a grid, unless there is one for this number of images."""
        path = self.folder / f"{module.images_seen:08d}.png"
        if path.exists():
            return
        image = stage_grid(module.sample_stages(self.rows, self.seed))
        save(image, path)
        save(image, path.with_name("latest.png"))
        for logger in trainer.loggers:
            if hasattr(logger, "log_image"):
                logger.log_image("stages", [image], step=module.images_seen, caption=["coarse to fine"])
