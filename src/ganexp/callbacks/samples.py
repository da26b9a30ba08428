"""Samples of fixed noise, drawn again and again while training."""

import shutil
from pathlib import Path
from typing import Any

import lightning as L
from lightning.pytorch.utilities import rank_zero_only
from PIL import Image

from ganexp.callbacks.pace import Interval
from ganexp.drawing.pictures import are_points, picture, save

POINTS = 1_024


class SampleGrid(L.Callback):
    """Saves ``rows`` rows of samples of fixed noise every so many images, at the start and at the end.

    They go to ``folder`` as NNNNNNNN.png by images seen and as latest.png, and to every logger that takes images.
    """

    def __init__(self, folder: str, every: int, seed: int, rows: int = 8) -> None:
        if rows < 1:
            raise ValueError(f"callbacks.samples.rows={rows}: it must be 1 or more")
        self.folder = Path(folder)
        self.every = Interval(every)
        self.seed = seed
        self.rows = rows

    def on_train_start(self, trainer: L.Trainer, module: Any) -> None:
        """Draw what the untrained generator makes."""
        self.every.start(module.images_seen)
        # A resumed run draws what one that never stopped does.
        if module.images_seen == 0:
            self.draw(trainer, module)

    def on_train_batch_end(self, trainer: L.Trainer, module: Any, *_: Any) -> None:
        """Draw when it is time."""
        if self.every.due(module.images_seen):
            self.draw(trainer, module)

    def on_train_end(self, trainer: L.Trainer, module: Any) -> None:
        """Draw the last state."""
        self.draw(trainer, module)

    @rank_zero_only
    def draw(self, trainer: L.Trainer, module: Any) -> None:
        """Draw once for each number of images seen."""
        path = self.folder / f"{module.images_seen:08d}.png"
        if path.exists():
            return
        drawn = self.drawn(trainer, module)
        save(drawn, path)
        shutil.copyfile(path, path.with_name("latest.png"))
        for logger in trainer.loggers:
            if hasattr(logger, "log_image"):
                logger.log_image("samples", [drawn], step=module.images_seen, caption=[caption(trainer, module)])

    def drawn(self, trainer: L.Trainer, module: Any) -> Image.Image:
        """Return the grid, or a scatter plot, which takes more samples."""
        samples = module.sample(self.rows * module.columns, self.seed)
        return picture(module.sample(POINTS, self.seed) if are_points(samples) else samples, module.columns)


def caption(trainer: Any, module: Any) -> str | None:
    """Return the classes of a grid's columns, of a model that is told classes."""
    if getattr(module, "num_classes", None) is None:
        return None
    names = getattr(trainer.datamodule, "classes", None) or [str(label) for label in range(module.num_classes)]
    return f"columns: {', '.join(names[: module.columns])}"
