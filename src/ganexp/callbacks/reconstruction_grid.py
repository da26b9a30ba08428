"""Grids of samples above real images and their reconstructions, drawn repeatedly during training."""

from typing import Any

import torch
from PIL import Image

from ganexp.callbacks.samples import SampleGrid
from ganexp.drawing.named_grid import wide
from ganexp.drawing.pictures import grid
from ganexp.errors import UserError
from ganexp.metrics.reference import RealImages
from ganexp.numerics.pixels import are_points

GAP = 8
"""Rows of white pixels between samples and reconstructions."""


class ReconstructionGrid(SampleGrid):
    """A SampleGrid of a model with an encoder, whose lower half has real images, each beside its reconstruction.

    They are a fixed choice of the training images: as many pairs as half of the ``rows`` rows hold.
    """

    def on_train_start(self, trainer: Any, module: Any) -> None:
        """Draw the untrained model's grid; raises UserError for a model without an encoder."""
        if not hasattr(module, "reconstruct"):
            raise UserError("callbacks=reconstruction: this model has no encoder; leave it out, or choose model=vae")
        super().on_train_start(trainer, module)

    def render(self, trainer: Any, module: Any) -> Image.Image:
        """Return the samples' grid, and below it that of the reconstructions."""
        samples = super().render(trainer, module)
        columns = wide(module.columns)
        pairs = max(1, self.rows // 2) * (columns // 2)
        real = fixed_images(trainer.datamodule.dataset, pairs)
        if are_points(real):
            return samples
        both = torch.stack([real, module.reconstruct(real).cpu()], 1).flatten(0, 1)
        return below(samples, grid(both, columns))


def fixed_images(dataset: Any, number: int) -> torch.Tensor:
    """Return at most ``number`` images (N, C, H, W) in [-1, 1] of a data set, always the same."""
    images = RealImages(dataset, "", max(2, number))
    chosen = images.at(torch.arange(min(number, images.count)))
    return chosen.float() / 127.5 - 1 if chosen.dtype == torch.uint8 else chosen.float()


def below(upper: Image.Image, lower: Image.Image) -> Image.Image:
    """Return two pictures, one below the other, on white."""
    sheet = Image.new("RGB", (max(upper.width, lower.width), upper.height + GAP + lower.height), "white")
    sheet.paste(upper, (0, 0))
    sheet.paste(lower, (0, upper.height + GAP))
    return sheet
