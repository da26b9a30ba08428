"""What a process does before it goes on with a run: everything beyond the checkpoint will be made again."""

import logging
from pathlib import Path
from typing import Any

from omegaconf import DictConfig

from ganexp.callbacks.checkpoints import name_too
from ganexp.callbacks.settings import settings_in
from ganexp.errors import UserError
from ganexp.game.module import COUNTERS
from ganexp.runs.checkpoint import load_weights
from ganexp.runs.fixed_settings import changes, settings
from ganexp.training import launcher
from ganexp.training.rollback import forget_after

log = logging.getLogger(__name__)


def take_up(module: Any, checkpoint: Path, config: DictConfig, folder: Path) -> dict[str, Any]:
    """Load the weights, forget what came after them, and return the checkpoint's contents.

    Raises UserError if the run is already finished, or if its configuration is another model's by now.
    """
    contents = load_weights(module, checkpoint, config)
    seen = contents[COUNTERS]["images_seen"]
    if seen >= config.images:
        raise UserError(
            f"{folder} is finished: it has seen {seen:,} of images={config.images:,}; to train on, give more images="
        )
    tell_changes(settings(config), settings_in(contents))
    if launcher.leads():
        last = checkpoint.with_name("last.ckpt")
        if checkpoint != last:
            name_too(checkpoint, last)
        forget_after(folder, seen)
    return contents


def tell_changes(now: dict[str, Any], then: dict[str, Any] | None) -> None:
    """Say so if the run goes on with settings that it was not saved with."""
    if then is not None and now != then:
        log.warning("config.yaml has changed since (%s): from here on it is another run", changes(now, then))


def tell_other_ranks(contents: dict[str, Any], ranks: int) -> None:
    """Say so if the run goes on with another number of ranks."""
    before = contents[COUNTERS].get("ranks", ranks)
    if before != ranks:
        log.warning(
            "resumed with %d rank(s), begun with %d: what comes is equal up to rounding, not bit for bit", ranks, before
        )


def tell_nothing_left(contents: dict[str, Any], images_seen: int) -> None:
    """Say so if nothing was trained, as the passes over the data that were asked for are done."""
    if images_seen == contents[COUNTERS]["images_seen"]:
        log.warning("it was finished already; to train on, give more images= or trainer.max_epochs=")
