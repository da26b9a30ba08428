"""Rollback of diverged runs to the last good checkpoint at a lower learning rate (``doctor.rollback=true``)."""

import logging
from pathlib import Path

from ganexp.callbacks.checkpoints import AtomicCheckpointIO
from ganexp.errors import Diverged
from ganexp.game.module import COUNTERS
from ganexp.loggers.metrics_csv import MetricsCSV
from ganexp.runs.checkpoint import load_checkpoint
from ganexp.runs.run_folder import CHECKPOINTS
from ganexp.runs.unfinished import remove_unfinished

log = logging.getLogger(__name__)

LR_FACTOR = 0.5
"""Factor on every player's learning rate at each rollback."""
MAX_ROLLBACKS = 3


def roll_back(folder: Path, diverged: Diverged) -> Path:
    """Lower the learning rates stored in last.ckpt and return its path.

    Raises ``diverged`` if there is no checkpoint, or after ``MAX_ROLLBACKS`` rollbacks.
    """
    path = folder / CHECKPOINTS / "last.ckpt"
    if not path.is_file():
        raise diverged
    checkpoint = load_checkpoint(path)
    counters = checkpoint[COUNTERS]
    rate = counters.get("rate", 1.0) * LR_FACTOR
    if rate < LR_FACTOR**MAX_ROLLBACKS:
        log.warning("doctor: diverged again after %d rollbacks with lower learning rates: giving up", MAX_ROLLBACKS)
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
    """Discard the metrics rows, sample grids and checkpoints beyond ``images``, which training writes again.

    What a killed process left unfinished is removed too.
    """
    remove_unfinished(folder)
    MetricsCSV(str(folder)).forget_after(images)
    for path in (*(folder / "samples").glob("*.png"), *(folder / CHECKPOINTS).glob("*.ckpt")):
        if path.stem.isdecimal() and int(path.stem) > images:
            path.unlink()
