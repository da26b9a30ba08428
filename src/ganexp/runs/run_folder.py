"""A run's folder: its configuration, its log, its checkpoints."""

import logging
import sys
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException
from yaml import YAMLError

from ganexp.config.composition import explain
from ganexp.errors import UserError, one_line
from ganexp.records import summary
from ganexp.runs.renamed_targets import rename_targets
from ganexp.terminal.text import printable

CONFIG = "config.yaml"
LOG = "log.txt"
CHECKPOINTS = "checkpoints"
LOCK = ".lock"
TRUST = "trust"
"""Where a configuration that was read from a folder says which packages of theirs the user vouches for."""
GIVEN = "given"
"""Where it says for which keys the user gave other values."""
OF_A_STUDY = ("callbacks.pruning.storage", "callbacks.pruning.trial")
"""What a search tells the trials that it starts, and its folder does not tell whoever goes on with one by hand."""
OF_A_SWEEP = ("run_dir", "sweep_dir", "skip_finished", "skip_refused")
"""What says where a run lies and how its sweep proceeds, and is no part of what it is."""
PROCEEDING = ("hydra.", "callbacks.pruning.")
"""Beginnings of other keys of the kind."""

HARMLESS_WARNINGS = (
    # Lightning's, about torch's future.
    ".*LeafSpec.*is deprecated",
    # Data in memory needs no workers.
    ".*does not have many workers",
    # Where SLURM is installed, runs are tried out without it too.
    ".*`srun` command is available on your system but is not used",
)


class Terminal(logging.Handler):
    """Prints to whatever sys.stderr is now, so that a live progress bar stays in one piece."""

    def emit(self, record: logging.LogRecord) -> None:
        """Print one line."""
        print(printable(self.format(record)), file=sys.stderr)


class LogFile(logging.FileHandler):
    """log.txt, each line with its time."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.setFormatter(logging.Formatter("%(asctime)s %(message)s"))

    def handleError(self, record: logging.LogRecord) -> None:
        """Let a full disk be reported by what cannot do without it, not by a traceback a line."""


@contextmanager
def logged(folder: Path) -> Iterator[None]:
    """Send the package's messages and all warnings to the terminal and to log.txt, and an error to log.txt."""
    root, package = logging.getLogger(), logging.getLogger("ganexp")
    to_file = LogFile(folder / LOG)
    handlers = [Terminal(), to_file]
    package.setLevel(logging.INFO)
    with warnings.catch_warnings():
        for harmless in HARMLESS_WARNINGS:
            warnings.filterwarnings("ignore", message=harmless)
        warnings.showwarning = log_warning
        for handler in handlers:
            root.addHandler(handler)
        try:
            yield
        except Exception as error:
            to_file.emit(package.makeRecord(package.name, logging.ERROR, "", 0, one_line(error), (), None))
            raise
        finally:
            for handler in handlers:
                root.removeHandler(handler)
            to_file.close()


@contextmanager
def silenced() -> Iterator[None]:
    """Drop all messages and warnings: another process says them."""
    logging.disable()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            yield
        finally:
            logging.disable(logging.NOTSET)


def log_warning(message: Warning | str, *_: object, **__: object) -> None:
    """Log a warning as one line."""
    logging.getLogger("ganexp").warning("warning: %s", " ".join(str(message).split()))


def create(folder: Path, config: DictConfig) -> None:
    """Make the folder and write config.yaml into it.

    Raises UserError if a run is already there, or if nothing can be written there.
    """
    try:
        (folder / CHECKPOINTS).mkdir(parents=True, exist_ok=True)
        with (folder / CONFIG).open("x") as file:
            file.write(OmegaConf.to_yaml(without_run_dir(config)))
    except FileExistsError as error:
        how = f"go on with it by resume={folder}" if has_checkpoint(folder) else "it has no checkpoint: remove it"
        raise UserError(f"run_dir={folder} already holds a run; {how}, or choose another folder") from error


def discard_unused(folder: Path) -> None:
    """Remove a run that ended before it began, so that its folder can be used again; keep everything else."""
    folder = folder.resolve()
    with suppress(OSError):
        names = {path.name for path in folder.iterdir()}
        if names <= {CONFIG, LOG, CHECKPOINTS, LOCK, summary.FILE} and not has_checkpoint(folder):
            for name in names & {CONFIG, LOG, summary.FILE}:
                (folder / name).unlink()
            with suppress(FileNotFoundError):
                (folder / CHECKPOINTS).rmdir()
            folder.rmdir()
            # Folders that Hydra made on the way here, up to the first that holds something else.
            for parent in folder.parents:
                if Path.cwd() in parent.parents:
                    parent.rmdir()


def read_config(folder: Path, trust: Sequence[str] = ()) -> DictConfig:
    """Return the configuration of the run in ``folder``; ``trust`` are packages that it may name.

    Raises UserError if there is no run or its configuration cannot be read.
    """
    path = folder / CONFIG
    if not path.is_file():
        raise UserError(f"{folder} is not a run's folder: it has no {CONFIG}")
    try:
        config = OmegaConf.load(path)
    except (YAMLError, OmegaConfBaseException, UnicodeDecodeError) as error:
        raise UserError(f"{path} cannot be read: {explain(error)}") from error
    if not isinstance(config, DictConfig) or not isinstance(config.get("model"), DictConfig):
        raise UserError(f"{path} is not the configuration of a run: it has no model")
    rename_targets(config)
    config.run_dir = str(folder)
    config[TRUST] = list(trust)
    config[GIVEN] = []
    for each in OF_A_STUDY:
        with suppress(OmegaConfBaseException):
            if OmegaConf.select(config, each) is not None:
                OmegaConf.update(config, each, None)
    return config


def last_checkpoint(folder: Path) -> Path:
    """Return the path of last.ckpt.

    Raises UserError if there is none yet.
    """
    return checkpoint(folder, "last")


def checkpoint(folder: Path, name: str) -> Path:
    """Return the path of the checkpoint of that name, such as last or best.

    Raises UserError if there is none yet.
    """
    path = folder / CHECKPOINTS / f"{name}.ckpt"
    if not path.is_file():
        there = sorted(each.stem for each in path.parent.glob("*.ckpt"))
        if there:
            raise UserError(f"{path} is missing; there are: {', '.join(there)}")
        raise UserError(f"{folder} has no checkpoint yet: {path} is missing; train it longer, or start anew")
    return path


def has_checkpoint(folder: Path) -> bool:
    """Return whether there is anything to go on from."""
    return any((folder / CHECKPOINTS).glob("*.ckpt"))


def without_run_dir(config: DictConfig) -> Any:
    """Return the configuration without the folder's own address, so that the folder can be moved."""
    kept = config.copy()
    OmegaConf.set_struct(kept, False)
    for key in (*OF_A_SWEEP, TRUST, GIVEN):
        kept.pop(key, None)
    return kept


def of_the_run(overrides: Sequence[str]) -> list[str]:
    """Return the overrides that say what a run of a sweep is."""
    named = ("sweeps", *OF_A_SWEEP)
    return [each for each in overrides if key(each) not in named and not key(each).startswith(PROCEEDING)]


def key(override: str) -> str:
    """Return what an override sets."""
    return override.lstrip("+~").partition("=")[0]
