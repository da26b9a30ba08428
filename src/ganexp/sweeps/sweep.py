"""What a sweep does before its first run and after its last one."""

import hashlib
import re
import shlex
import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from omegaconf import DictConfig

from ganexp.distributed import slurm
from ganexp.errors import Interrupted, UserError
from ganexp.records import summary
from ganexp.runs.run_folder import override_key, run_overrides
from ganexp.sweeps import joblib_signals, status
from ganexp.sweeps.status import Outcome
from ganexp.training import remote_errors

LONGEST_NAME = 150
"""In bytes; file systems take 255."""


def require_values(loader: Any, overrides: Sequence[str]) -> None:
    """Raise UserError for an axis without values."""
    for override in OverridesParser.create(config_loader=loader).parse_overrides(list(overrides)):
        if override.is_discrete_sweep() and next(override.sweep_string_iterator(), None) is None:
            raise UserError(f"{override.input_line}: this axis of the sweep has no value, so there is nothing to run")


def named(job: list[str], config: DictConfig) -> list[str]:
    """Return a job's overrides with the name of its folder, unless the user named it."""
    if any(override_key(override) == "hydra.sweep.subdir" for override in config.hydra.overrides.hydra):
        return job
    return [*job, f"hydra.sweep.subdir='{folder_name(job)}'"]


def folder_name(overrides: Sequence[str]) -> str:
    """Return a name that every file system takes and no other overrides have, by which people know a run."""
    # What is chosen by a short name says most; the order on the command line must not matter.
    sorted_overrides = sorted(
        run_overrides(overrides), key=lambda text: (override_key(text).count("."), override_key(text))
    )
    whole = ",".join(each.lstrip("+") for each in sorted_overrides) or "default"
    plain = re.sub(r"[^\w.,=+@()\[\]~-]", "-", whole)
    if plain == whole and len(plain.encode()) <= LONGEST_NAME:
        return plain
    digest = hashlib.sha256(whole.encode()).hexdigest()[:8]
    return f"{plain.encode()[:LONGEST_NAME].decode(errors='ignore')}-{digest}"


@contextmanager
def reported(config: DictConfig, arguments: Sequence[str]) -> Iterator[list[Outcome | None]]:
    """Refuse a folder that cannot be used; after the sweep write and print its table, and say what went wrong.

    How each run ended is to be put into the list. Raises UserError, or what a run raised that nobody foresaw.
    """
    folder = Path(config.hydra.sweep.dir)
    require_usable(config, folder)
    ended: list[Outcome | None] = []
    elsewhere = config.hydra.runtime.choices.get("hydra/launcher") == "joblib"
    try:
        with joblib_signals.saved_when_stopped(folder) if elsewhere else nullcontext():
            yield ended
    except KeyboardInterrupt as interruption:
        raise Interrupted(signal.SIGINT, how_to_go_on(arguments, folder)) from interruption
    tell(folder)
    raise_failure([run for run in ended if run is not None], config, arguments, folder)


def tell(folder: Path) -> None:
    """Write the table and print it."""
    from ganexp.sweeps import table

    table.show(table.write(folder))


def require_usable(config: DictConfig, folder: Path) -> None:
    """Raise UserError if there is a sweep already, or if none is named to go on with.

    A SLURM job that is started again goes on with its own.
    """
    given = [override_key(override) for override in (*config.hydra.overrides.task, *config.hydra.overrides.hydra)]
    if config.get("skip_finished") and "skip_finished" in given and not {"sweep_dir", "hydra.sweep.dir"} & {*given}:
        raise UserError("skip_finished=true: say which sweep goes on, by sweep_dir=DIR")
    goes_on = config.get("skip_finished") or slurm.batch_job() is not None
    if not goes_on and next(status.run_folders(folder), None) is not None:
        raise UserError(
            f"sweep_dir={folder} already holds a sweep; go on with it by skip_finished=true, or choose another folder"
        )


def how_to_go_on(arguments: Sequence[str], folder: Path) -> str:
    """Return the command that goes on with a sweep."""
    rest = [argument for argument in arguments if override_key(argument) not in ("sweep_dir", "skip_finished")]
    again = shlex.join(["-m", *rest, f"sweep_dir={folder}", "skip_finished=true"])
    return f"the sweep stopped; go on with it by: python -m ganexp {again}"


def raise_failure(ended: Sequence[Outcome], config: DictConfig, arguments: Sequence[str], folder: Path) -> None:
    """Raise what the exit status should tell: a signal first, then what nobody foresaw, then mistakes in one line."""
    bad = [
        run
        for run in ended
        if run.error is not None and (run.status != summary.REFUSED or not config.get("skip_refused"))
    ]
    errors = [remote_errors.as_error(run.error) for run in bad if run.error is not None]
    for error in errors:
        if isinstance(error, Interrupted):
            raise Interrupted(error.signal_number, how_to_go_on(arguments, folder))
    for error in errors:
        if not isinstance(error, UserError):
            raise error
    if errors:
        several = f"{len(bad)} of {len(ended)} runs were refused or failed, see {folder / 'sweep.md'}: "
        raise UserError(f"{several if len(bad) > 1 else ''}{errors[0]}")
