"""Run folder: configuration, log and checkpoints."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from io import StringIO
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException
from yaml import YAMLError

from ganexp.config.folders import TRUST as TRUST
from ganexp.config.messages import explain
from ganexp.config.schema import check_schema
from ganexp.config.types import flatten
from ganexp.errors import UserError
from ganexp.files import folder_lock
from ganexp.files.atomic import replacing
from ganexp.files.untrusted import read_yaml, require_links_inside
from ganexp.records import summary
from ganexp.runs.environment import guard_environment
from ganexp.runs.renamed_targets import rename_targets
from ganexp.runs.run_log import LOG

CONFIG = "config.yaml"
CHECKPOINTS = "checkpoints"
PARTS = ("model", "data", "trainer", "callbacks")
"""Keys that every configuration of a run has."""
GIVEN = "given"
"""Key of a configuration read from a folder: the keys that the user has overridden."""
STUDY_KEYS = ("callbacks.pruning.storage", "callbacks.pruning.trial")
"""Keys that a Bayesian search sets in its trials, and that are reset when a trial is resumed by hand."""
SWEEP_KEYS = ("run_dir", "autoresume", "sweep_dir", "skip_finished", "skip_refused")
"""Keys for the location of a run and the conduct of its sweep, which do not define the run."""
SWEEP_PREFIXES = ("hydra.", "callbacks.pruning.")
"""Prefixes of further such keys."""


def create(folder: Path, config: DictConfig) -> None:
    """Make the folder and write config.yaml into it, whole or not at all.

    The caller holds the folder's lock. Raises UserError for a link that leads out of the folder.
    """
    (folder / CHECKPOINTS).mkdir(parents=True, exist_ok=True)
    require_links_inside(folder)
    with replacing(folder / CONFIG) as file:
        file.write(OmegaConf.to_yaml(without_run_dir(config)))


def change_settings(folder: Path, settings: Mapping[str, Any]) -> None:
    """Change values of config.yaml by their dotted keys; keys that it does not have are left out.

    The caller holds the folder's lock.
    """
    config = OmegaConf.load(StringIO(read_yaml(folder / CONFIG)))
    saved: Any = dict(flatten(OmegaConf.to_container(config)))
    for key, value in settings.items():
        if key in saved and saved[key] != value:
            OmegaConf.update(config, key, value)
    with replacing(folder / CONFIG) as file:
        file.write(OmegaConf.to_yaml(config))


def files_of_run(folder: Path) -> set[str]:
    """Return the names of what is in the folder, without its lock."""
    return {path.name for path in folder.iterdir()} - folder_lock.FILES


def discard_unused(folder: Path, present: Collection[str]) -> None:
    """Remove what a run that failed before training has written, but nothing of the names ``present`` before it."""
    with suppress(OSError):
        names = files_of_run(folder)
        if names <= {CONFIG, LOG, CHECKPOINTS, summary.FILE} and not has_checkpoint(folder):
            for name in (names & {CONFIG, LOG, summary.FILE}).difference(present):
                (folder / name).unlink()
            if CHECKPOINTS not in present:
                (folder / CHECKPOINTS).rmdir()


def require_run(folder: Path) -> None:
    """Raise UserError if there is no run in ``folder``."""
    if not (folder / CONFIG).is_file():
        raise UserError(f"{folder} is not a run's folder: it has no {CONFIG}")


def read_config(folder: Path, trust: Sequence[str] = ()) -> DictConfig:
    """Return the configuration of the run in ``folder``; ``trust`` are targets and addresses it may name.

    Raises UserError if there is no run, its configuration cannot be read, or a link leads out of the folder.
    """
    require_run(folder)
    path = folder / CONFIG
    require_links_inside(folder)
    try:
        config = OmegaConf.load(StringIO(read_yaml(path)))
    except (YAMLError, OmegaConfBaseException, UnicodeDecodeError) as error:
        raise UserError(f"{path} cannot be read: {explain(error)}") from error
    # Nothing is resolved before it is known to be a stranger's.
    values = OmegaConf.to_container(config)
    if not isinstance(config, DictConfig) or not isinstance(values, dict) or not isinstance(values.get("model"), dict):
        raise UserError(f"{path} is not the whole configuration of a run: it has no model")
    missing = [part for part in PARTS if part not in values]
    if missing:
        raise UserError(f"{path} is not the whole configuration of a run: it has no {missing[0]}")
    rename_targets(config)
    with naming(path):
        check_schema(OmegaConf.to_container(config))  # type: ignore[arg-type]
    return as_untrusted(config, folder, trust)


def as_untrusted(config: DictConfig, folder: Path, trust: Sequence[str]) -> DictConfig:
    """Return a configuration read from a folder with what is trusted in it, in today's names and without its study."""
    # Before any reference is resolved.
    guard_environment()
    rename_targets(config)
    config.run_dir = str(folder)
    config[TRUST] = list(trust)
    config[GIVEN] = []
    for name in STUDY_KEYS:
        with suppress(OmegaConfBaseException):
            if OmegaConf.select(config, name) is not None:
                OmegaConf.update(config, name, None)
    return config


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """Put the name of the file that is at fault before a user's mistake."""
    try:
        yield
    except UserError as error:
        raise UserError(f"{path}: {error}") from error


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
    if path.is_dir():
        raise UserError(
            f"{path} is a folder, and a checkpoint is a file: remove the folder, or choose another checkpoint"
        )
    if not path.is_file():
        available = sorted(file.stem for file in path.parent.glob("*.ckpt") if file.is_file())
        if available:
            raise UserError(f"{path} is missing; there are: {', '.join(available)}")
        raise UserError(f"{folder} has no checkpoint yet: {path} is missing; train it longer, or start a new run")
    return path


def has_checkpoint(folder: Path) -> bool:
    """Return whether the run has a checkpoint to resume from."""
    return any(path.is_file() for path in (folder / CHECKPOINTS).glob("*.ckpt"))


def without_run_dir(config: DictConfig) -> Any:
    """Return the configuration without the folder's own path, so that the folder can be moved."""
    portable = config.copy()
    OmegaConf.set_struct(portable, False)
    for name in (*SWEEP_KEYS, TRUST, GIVEN):
        portable.pop(name, None)
    return portable


def run_overrides(overrides: Sequence[str]) -> list[str]:
    """Return the overrides that define a run of a sweep."""
    excluded = ("sweeps", *SWEEP_KEYS)
    keys = {override: override_key(override) for override in overrides}
    return [text for text in overrides if keys[text] not in excluded and not keys[text].startswith(SWEEP_PREFIXES)]


def override_key(override: str) -> str:
    """Return the key that an override sets."""
    return override.lstrip("+~").partition("=")[0]
