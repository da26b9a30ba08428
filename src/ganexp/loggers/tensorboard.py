"""TensorBoard with the same names and images as the other loggers."""

from typing import Any

import numpy as np
from lightning.pytorch.loggers import TensorBoardLogger
from lightning.pytorch.utilities import rank_zero_only
from PIL import Image

from ganexp.errors import UserError


class TensorBoard(TensorBoardLogger):
    """Writes event files into ``folder``; the x-axis is the number of images seen.

    Raises UserError if the tensorboard package is missing.
    """

    def __init__(self, folder: str, **options: Any) -> None:
        try:
            super().__init__(save_dir=folder, name="", version="", default_hp_metric=False, **options)
        except ModuleNotFoundError as error:
            raise UserError("logger=tensorboard needs a package: pip install 'ganexp[tensorboard]'") from error

    @rank_zero_only
    def log_image(self, key: str, images: list[Image.Image], step: int | None = None, **_: Any) -> None:
        """Write the first picture under ``key``; TensorBoard shows no captions."""
        self.experiment.add_image(key, np.asarray(images[0].convert("RGB")), step, dataformats="HWC")
