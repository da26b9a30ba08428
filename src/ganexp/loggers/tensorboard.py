"""TensorBoard logger with the same names and images as the other loggers."""

import numpy as np
from lightning.pytorch.loggers import TensorBoardLogger
from lightning.pytorch.utilities import rank_zero_only
from PIL import Image

from ganexp.errors import UserError


class TensorBoard(TensorBoardLogger):
    """Writes event files into ``folder``; the x-axis is the number of images seen.

    Raises UserError if the tensorboard package is missing.
    """

    def __init__(
        self, folder: str, prefix: str = "", log_graph: bool = False, max_queue: int = 10, flush_secs: int = 120
    ) -> None:
        try:
            super().__init__(
                save_dir=folder,
                name="",
                version="",
                default_hp_metric=False,
                prefix=prefix,
                log_graph=log_graph,
                max_queue=max_queue,
                flush_secs=flush_secs,
            )
        except ModuleNotFoundError as error:
            raise UserError("logger=tensorboard needs a package: pip install 'ganexp[tensorboard]'") from error

    @rank_zero_only
    def log_image(
        self,
        key: str,
        images: list[Image.Image],
        step: int | None = None,
        caption: list[str | None] | None = None,
    ) -> None:
        """Write the first image under ``key``; TensorBoard has no captions."""
        self.experiment.add_image(key, np.asarray(images[0].convert("RGB")), step, dataformats="HWC")
