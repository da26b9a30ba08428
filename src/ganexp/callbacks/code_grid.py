"""Grids of a model's codes, drawn repeatedly during training (arXiv 1606.03657, figure 2)."""

from typing import Any

import lightning as L
from PIL import Image

from ganexp.callbacks.samples import SampleGrid
from ganexp.drawing.pictures import picture
from ganexp.errors import UserError
from ganexp.numerics.pixels import are_points


class CodeGrid(SampleGrid):
    """A SampleGrid with one of a model's first ``rows`` categories in each row, and a continuous code along it."""

    def on_train_start(self, trainer: L.Trainer, module: Any) -> None:
        """Draw the untrained model's grid; raises UserError for a model without codes."""
        if not hasattr(module, "sample_code_grid"):
            raise UserError("callbacks=codes: this model's noise has no codes; leave it out, or choose model=infogan")
        super().on_train_start(trainer, module)

    def render(self, trainer: Any, module: Any) -> Image.Image:
        """Return the grid, or for points a scatter plot of samples."""
        images = module.sample_code_grid(min(self.rows, module.codes.categories), module.columns, self.seed)
        return super().render(trainer, module) if are_points(images) else picture(images, module.columns)

    def caption(self, trainer: Any, module: Any) -> str | None:
        """Return what varies."""
        return "rows: categories; columns: a continuous code" if module.codes.continuous else "rows: categories"
