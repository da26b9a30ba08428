"""A run in a folder that may hold a part of it already: begun, gone on with, or found finished."""

from pathlib import Path

from omegaconf import DictConfig

from ganexp.errors import UserError
from ganexp.runs import run_folder
from ganexp.runs.fixed_settings import changes, settings
from ganexp.training import launcher


def has_begun(folder: Path) -> bool:
    """Return whether there is a run in ``folder``."""
    return (folder / run_folder.CONFIG).is_file()


def go_on(config: DictConfig, folder: Path) -> bool:
    """Go on with the run in ``folder`` from its last.ckpt, and return True; return False if it has none.

    A finished run is left as it is. Raises UserError if the run was begun with other settings.
    """
    if launcher.leads():
        require_same(config, run_folder.read_config(folder), folder)
    checkpoint = folder / run_folder.CHECKPOINTS / "last.ckpt"
    if not checkpoint.is_file():
        return False

    from ganexp.game.module import COUNTERS
    from ganexp.runs.checkpoint import load_checkpoint
    from ganexp.training.launch import fit

    config.run_dir = str(folder)
    if load_checkpoint(checkpoint)[COUNTERS]["images_seen"] < config.images:
        fit(config, folder, checkpoint)
    return True


def forget(folder: Path) -> None:
    """Make place for a run that was cut short before its first checkpoint."""
    from ganexp.training.rollback import forget_after

    forget_after(folder, 0)
    (folder / run_folder.CONFIG).unlink(missing_ok=True)


def require_same(config: DictConfig, begun: DictConfig, folder: Path) -> None:
    """Raise UserError naming what differs between two configurations and may not change within a run."""
    told = changes(settings(config), settings(begun))
    if told:
        raise UserError(f"{folder} holds a run that was begun with other settings ({told}): choose another folder")
