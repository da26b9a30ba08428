"""A run's folder: its configuration, its log, its checkpoints."""

import logging
import sys
import warnings
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException
from yaml import YAMLError

from ganexp.errors import UserError

CONFIG = "config.yaml"

HARMLESS_WARNINGS = (
    # Lightning's, about torch's future.
    ".*LeafSpec.*is deprecated",
    # Data in memory needs no workers.
    ".*does not have many workers",
)


class Terminal(logging.Handler):
    """Prints to whatever sys.stderr is now, so that a live progress bar stays in one piece."""

    def emit(self, record: logging.LogRecord) -> None:
        """Print one line."""
        print(self.format(record), file=sys.stderr)


def start_log(folder: Path) -> logging.Handler:
    """Send the package's messages and all warnings to the terminal and to log.txt; return that handler."""
    root = logging.getLogger()
    if not any(isinstance(handler, Terminal) for handler in root.handlers):
        root.addHandler(Terminal())
    logging.getLogger("ganexp").setLevel(logging.INFO)
    logging.captureWarnings(True)
    for harmless in HARMLESS_WARNINGS:
        warnings.filterwarnings("ignore", message=harmless)
    to_file = logging.FileHandler(folder / "log.txt")
    to_file.setFormatter(logging.Formatter("%(asctime)s %(message)s"))
    root.addHandler(to_file)
    return to_file


def create(folder: Path, config: DictConfig) -> None:
    """Make the folder and write config.yaml into it.

    Raises UserError if a run is already there.
    """
    (folder / "checkpoints").mkdir(parents=True, exist_ok=True)
    try:
        with (folder / CONFIG).open("x") as file:
            file.write(OmegaConf.to_yaml(without_run_dir(config)))
    except FileExistsError as error:
        raise UserError(
            f"run_dir={folder} already holds a run; go on with it by resume={folder}, or choose another folder"
        ) from error


def read_config(folder: Path) -> DictConfig:
    """Return the configuration of the run in ``folder``.

    Raises UserError if there is no run or its configuration cannot be read.
    """
    path = folder / CONFIG
    if not path.is_file():
        raise UserError(f"{folder} is not a run's folder: it has no {CONFIG}")
    try:
        config = OmegaConf.load(path)
    except (YAMLError, OmegaConfBaseException, UnicodeDecodeError) as error:
        raise UserError(f"{path} cannot be read: {first_line(error)}") from error
    if not isinstance(config, DictConfig) or "model" not in config:
        raise UserError(f"{path} is not the configuration of a run: it has no model")
    config.run_dir = str(folder)
    return config


def last_checkpoint(folder: Path) -> Path:
    """Return the path of last.ckpt.

    Raises UserError if there is none yet.
    """
    path = folder / "checkpoints" / "last.ckpt"
    if not path.is_file():
        raise UserError(f"{folder} has no checkpoint yet: {path} is missing; train it longer, or start anew")
    return path


def without_run_dir(config: DictConfig) -> Any:
    """Return the configuration without the folder's own address, so that the folder can be moved."""
    kept = config.copy()
    OmegaConf.set_struct(kept, False)
    kept.pop("run_dir", None)
    return kept


def first_line(error: BaseException) -> str:
    """Return an error's text as one line."""
    return " ".join(str(error).split())
