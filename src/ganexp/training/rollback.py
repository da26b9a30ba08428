"""``doctor.rollback=true``: a diverged run goes back to its last good checkpoint, and on at a lower learning rate."""

import logging
from pathlib import Path

from ganexp.callbacks.checkpoints import AtomicCheckpointIO
from ganexp.errors import Diverged
from ganexp.game.module import COUNTERS
from ganexp.loggers.metrics_csv import MetricsCSV
from ganexp.runs.checkpoint import load_checkpoint
from ganexp.runs.run_folder import CHECKPOINTS

log = logging.getLogger(__name__)

LOWER = 0.5
"""The factor on every player's learning rate at each return."""
RETURNS = 3


def roll_back(folder: Path, diverged: Diverged) -> Path:
    """Lower the learning rates in last.ckpt, so that resuming does too, and return its path.

    Raises ``diverged`` if there is no checkpoint, or if the rates were lowered as often as may help.
    """
    path = folder / CHECKPOINTS / "last.ckpt"
    if not path.is_file():
        raise diverged
    checkpoint = load_checkpoint(path)
    counters = checkpoint[COUNTERS]
    rate = counters.get("rate", 1.0) * LOWER
    if rate < LOWER**RETURNS:
        log.warning("doctor: diverged again after %d returns with lower learning rates: giving up", RETURNS)
        raise diverged
    counters["rate"] = rate
    AtomicCheckpointIO().save_checkpoint(checkpoint, path)
    discard_after(folder, counters["images_seen"])
    log.warning(
        "doctor: %s; back to the checkpoint of %s images, with %g times the configured learning rates",
        diverged.what,
        f"{counters['images_seen']:,}",
        rate,
    )
    return path


def discard_after(folder: Path, images: int) -> None:
    """Drop the rows, pictures and checkpoints beyond ``images``, which a run that goes on from there makes again."""
    MetricsCSV(str(folder)).forget_after(images)
    for path in (*(folder / "samples").glob("*.png"), *(folder / CHECKPOINTS).glob("*.ckpt")):
        if path.stem.isdecimal() and int(path.stem) > images:
            path.unlink()
