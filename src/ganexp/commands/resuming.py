"""The heavy part of resuming: the rows and pictures beyond the checkpoint are made again."""

from pathlib import Path

from omegaconf import DictConfig

from ganexp.commands.loading import load_checkpoint
from ganexp.commands.training import fit
from ganexp.errors import UserError
from ganexp.game import COUNTERS
from ganexp.loggers.metrics_csv import MetricsCSV


def resume(config: DictConfig, folder: Path, checkpoint: Path) -> None:
    """Go on from the checkpoint.

    Raises UserError if the run is already finished.
    """
    seen = load_checkpoint(checkpoint)[COUNTERS]["images_seen"]
    if seen >= config.images:
        raise UserError(
            f"{folder} is finished: it has seen {seen:,} of images={config.images:,}; to train on, give more images="
        )
    MetricsCSV(str(folder)).forget_after(seen)
    for picture in (folder / "samples").glob("[0-9]*.png"):
        if int(picture.stem) > seen:
            picture.unlink()
    fit(config, folder, checkpoint)
