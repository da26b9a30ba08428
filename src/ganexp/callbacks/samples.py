"""Sample grids of fixed noise, drawn repeatedly during training."""

from pathlib import Path
from typing import Any

import lightning as L
from lightning.pytorch.utilities import rank_zero_only
from PIL import Image

from ganexp.callbacks.game_module import GameModule
from ganexp.callbacks.interval import Interval
from ganexp.drawing.named_grid import named_grid, wide
from ganexp.drawing.pictures import picture, save
from ganexp.numerics.pixels import are_points
from ganexp.records.class_names import class_names

POINTS = 1_024


class SampleGrid(L.Callback):
    """Saves ``rows`` rows of samples of fixed noise at the start, every ``every`` images and at the end.

    They go to ``folder`` as NNNNNNNN.png by images seen and as latest.png, and to every logger that supports images.
    """

    name = "samples"

    def __init__(self, folder: str, every: int, seed: int, rows: int = 8) -> None:
        if rows < 1:
            raise ValueError(f"callbacks.{self.name}.rows={rows}: it must be 1 or more")
        self.folder = Path(folder)
        self.every = Interval(every)
        self.seed = seed
        self.rows = rows

    def on_train_start(self, trainer: L.Trainer, module: Any) -> None:
        """Draw the untrained generator's samples."""
        self.every.start(module.images_seen)
        # A resumed run draws the same grids as an uninterrupted one.
        if module.images_seen == 0:
            self.draw(trainer, module)

    def on_train_batch_end(self, trainer: L.Trainer, module: Any, *_: Any) -> None:
        """Draw when the interval has passed."""
        if self.every.due(module.images_seen):
            self.draw(trainer, module)

    def on_train_end(self, trainer: L.Trainer, module: Any) -> None:
        """Draw the last state."""
        self.draw(trainer, module)

    @rank_zero_only
    def draw(self, trainer: L.Trainer, module: GameModule) -> None:
        """Save and log a grid, unless there is one for this number of images."""
        path = self.folder / f"{module.images_seen:08d}.png"
        if path.exists():
            return
        image = self.render(trainer, module)
        save(image, path)
        save(image, path.with_name("latest.png"))
        for logger in trainer.loggers:
            if hasattr(logger, "log_image"):
                caption = self.caption(trainer, module)
                logger.log_image(self.name, [image], step=module.images_seen, caption=[caption])

    def render(self, trainer: Any, module: Any) -> Image.Image:
        """Return the grid with the classes' names above its columns, or for points a scatter plot of more samples."""
        columns = wide(module.columns)
        samples = module.sample(self.rows * columns, self.seed)
        if are_points(samples):
            return picture(module.sample(POINTS, self.seed), columns)
        names = class_names(trainer.datamodule) if has_classes(module) else None
        return named_grid(samples, columns, None if names is None else names[: module.columns])

    def caption(self, trainer: Any, module: Any) -> str | None:
        """Return the classes of a grid's columns, None for a model without classes."""
        if not has_classes(module):
            return None
        names = getattr(trainer.datamodule, "classes", None) or [str(label) for label in range(module.num_classes)]
        return f"columns: {', '.join(names[: module.columns])}"


def has_classes(module: Any) -> bool:
    """Return whether the columns of a model's grids are classes: it has labels, and they are no attributes."""
    return getattr(module, "num_classes", None) is not None and getattr(module, "attribute_sets", None) is None
