"""A run in a folder that may hold a part of it already: begun, gone on with, or found finished."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf

from ganexp import composition, run_folder
from ganexp.commands import processes
from ganexp.commands.resume import CHANGEABLE
from ganexp.errors import UserError


def has_begun(folder: Path) -> bool:
    """Return whether there is a run in ``folder``."""
    return (folder / run_folder.CONFIG).is_file()


def go_on(config: DictConfig, folder: Path) -> bool:
    """Go on with the run in ``folder`` from its last.ckpt, and return True; return False if it has none.

    A finished run is left as it is. Raises UserError if the run was begun with other settings.
    """
    if processes.leads():
        require_same(config, run_folder.read_config(folder), folder)
    checkpoint = folder / run_folder.CHECKPOINTS / "last.ckpt"
    if not checkpoint.is_file():
        return False

    from ganexp.commands.loading import load_checkpoint
    from ganexp.commands.resuming import resume
    from ganexp.game import COUNTERS

    config.run_dir = str(folder)
    if load_checkpoint(checkpoint)[COUNTERS]["images_seen"] < config.images:
        resume(config, folder, checkpoint)
    return True


def forget(folder: Path) -> None:
    """Make place for a run that was cut short before its first checkpoint."""
    from ganexp.commands.rollback import forget_after

    forget_after(folder, 0)
    (folder / run_folder.CONFIG).unlink(missing_ok=True)


def require_same(config: DictConfig, begun: DictConfig, folder: Path) -> None:
    """Raise UserError naming what differs between two configurations and may not change within a run."""
    now, then = settings(config), settings(begun)
    differing = [key for key in {**now, **then} if now.get(key) != then.get(key)]
    if differing:
        told = "; ".join(f"{key}: {now.get(key)} against {then.get(key)}" for key in differing[:3])
        raise UserError(f"{folder} holds a run that was begun with other settings ({told}): choose another folder")


def settings(config: DictConfig) -> Mapping[str, Any]:
    """Return every value that a run cannot change on its way, by its dotted key."""

    def leaves() -> Iterator[tuple[str, Any]]:
        for key, value in composition.flatten(OmegaConf.to_container(run_folder.without_run_dir(config))):
            fixed = not any(key == part or key.startswith(f"{part}.") for part in CHANGEABLE)
            if fixed and not isinstance(value, dict):
                yield key, value

    return dict(leaves())
