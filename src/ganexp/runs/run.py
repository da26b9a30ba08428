"""Training run as a value: folder, configuration, fixed settings and checkpoint, determined once and passed down."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from omegaconf import DictConfig

from ganexp.runs import run_folder
from ganexp.runs.fixed_settings import fixed_settings
from ganexp.runs.whole_checkpoint import newest_whole_checkpoint
from ganexp.runs.write_paths import DATA_GROUP, bounded


@dataclass(frozen=True)
class Run:
    """A run's folder, the configuration it is built from and the checkpoint it starts from.

    ``config`` is safe to build: its code is trusted and, for training, it writes only to permitted folders. ``fixed``
    holds the settings that cannot change during a run, by dotted key.
    """

    folder: Path
    config: DictConfig
    fixed: Mapping[str, Any]
    checkpoint: Path | None = None

    def starting_from(self, checkpoint: Path) -> "Run":
        """Return this run, starting from another checkpoint."""
        return replace(self, checkpoint=checkpoint)


def training_run(config: DictConfig, folder: Path, checkpoint: Path | None = None) -> Run:
    """Return a run to train in ``folder``, from scratch or from one of its checkpoints.

    Raises UserError for code that is not trusted, and for a saved configuration that writes outside of its folder.
    """
    config.run_dir = str(folder)
    return Run(folder, bounded(config), fixed_settings(config), checkpoint)


def saved_run(
    folder: Path, trust: Sequence[str] = (), checkpoint: str = "last", groups: Sequence[str] = (DATA_GROUP,)
) -> Run:
    """Return the run in ``folder`` with one of its checkpoints, for inference; a damaged last one is replaced.

    ``trust`` names code, addresses and folders; ``groups`` has ``data`` if the run's data will be built. Raises
    UserError if there is no such run or checkpoint, for code that is not trusted, and for data downloaded from unknown
    addresses or to other folders.
    """
    config = run_folder.read_config(folder, trust)
    path = newest_whole_checkpoint(folder) if checkpoint == "last" else run_folder.checkpoint(folder, checkpoint)
    return Run(folder, bounded(config, groups), fixed_settings(config), path)
