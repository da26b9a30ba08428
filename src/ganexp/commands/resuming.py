"""The heavy part of resuming: the rows and pictures beyond the checkpoint are made again."""

from pathlib import Path

from omegaconf import DictConfig

from ganexp.commands import processes
from ganexp.commands.fitting import fit
from ganexp.commands.loading import load_checkpoint
from ganexp.commands.rollback import forget_after
from ganexp.errors import UserError
from ganexp.game import COUNTERS


def resume(config: DictConfig, folder: Path, checkpoint: Path) -> None:
    """Go on from the checkpoint.

    Raises UserError if the run is already finished.
    """
    seen = load_checkpoint(checkpoint)[COUNTERS]["images_seen"]
    if seen >= config.images:
        raise UserError(
            f"{folder} is finished: it has seen {seen:,} of images={config.images:,}; to train on, give more images="
        )
    if processes.leads():
        forget_after(folder, seen)
    fit(config, folder, checkpoint)
