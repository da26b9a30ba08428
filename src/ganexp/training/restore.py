"""Restoring a run from a checkpoint, before training continues."""

import logging
from typing import Any

from ganexp.callbacks.checkpoints import hardlink_or_copy
from ganexp.callbacks.settings import settings_in
from ganexp.distributed.environment import is_rank_zero
from ganexp.errors import UserError
from ganexp.files.saved_values import naming_checkpoint
from ganexp.game.module import COUNTERS
from ganexp.records import changes
from ganexp.records.changes import Change, changes_between
from ganexp.runs import run_folder
from ganexp.runs.checkpoint import load_weights
from ganexp.runs.renamed_targets import renamed
from ganexp.runs.run import Run
from ganexp.terminal.text import printable
from ganexp.training.optimizer_state import require_optimizer_states
from ganexp.training.rollback import discard_after

log = logging.getLogger(__name__)

Contents = dict[str, Any]


def restore(module: Any, run: Run) -> Contents:
    """Load the run's checkpoint into the module, and return the checkpoint's contents.

    Raises UserError if the run is finished, if its configuration now describes another model, or if the checkpoint has
    not what training continues from.
    """
    assert run.checkpoint is not None
    contents = load_weights(module, run)
    seen = contents[COUNTERS]["images_seen"]
    if seen >= run.config.images:
        raise UserError(
            f"{run.folder} is finished: it has seen {seen:,} of images={run.config.images:,}; to train longer, raise "
            "images="
        )
    with naming_checkpoint(run.checkpoint):
        require_optimizer_states(module.configure_optimizers(), contents.get("optimizer_states"))
    for change in changes_since(run, contents):
        log.warning("settings have changed since the checkpoint: %s", printable(str(change)))
    return contents


def discard_later(run: Run, contents: Contents) -> None:
    """Make the run's checkpoint the last one, and discard any later output, once training can continue from it."""
    assert run.checkpoint is not None
    if is_rank_zero():
        last = run.checkpoint.with_name("last.ckpt")
        if run.checkpoint != last:
            hardlink_or_copy(run.checkpoint, last)
        discard_after(run.folder, contents[COUNTERS]["images_seen"])


def record_changes(run: Run, contents: Contents) -> None:
    """Write the settings that have changed since the checkpoint into config.yaml and summary.json."""
    if is_rank_zero():
        found = changes_since(run, contents)
        if found:
            run_folder.change_settings(run.folder, {change.setting: change.after for change in found})
        changes.record(run.folder, found, contents[COUNTERS]["images_seen"])


def changes_since(run: Run, contents: Contents) -> list[Change]:
    """Return the settings in which the run differs from its checkpoint."""
    saved = settings_in(contents)
    return [] if saved is None else changes_between(renamed(saved), run.fixed, contents[COUNTERS]["images_seen"])


def warn_of_other_ranks(contents: Contents, ranks: int) -> None:
    """Warn if the run continues with another number of ranks."""
    before = contents[COUNTERS].get("ranks", ranks)
    if before != ranks:
        log.warning(
            "resumed with %d rank(s), begun with %d: results are equal up to rounding from here on, not bit for bit",
            ranks,
            before,
        )


def warn_of_nothing_left(contents: Contents, images_seen: int) -> None:
    """Warn if nothing was trained because the requested epochs are complete."""
    if images_seen == contents[COUNTERS]["images_seen"]:
        log.warning("it was already finished; to train longer, raise images= or trainer.max_epochs=")
