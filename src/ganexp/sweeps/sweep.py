"""Sweep set-up and reporting: checks and run names before the first run, table and failures after the last."""

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
COMMAND_LINE = "command-line"
"""Hydra's name of what gives the folder of ``--config-dir``."""


def require_values(loader: Any, overrides: Sequence[str]) -> None:
    """Raise UserError for an axis without values."""
    for override in OverridesParser.create(config_loader=loader).parse_overrides(list(overrides)):
        if override.is_discrete_sweep() and next(override.sweep_string_iterator(), None) is None:
            raise UserError(f"{override.input_line}: this axis of the sweep has no value, so there is nothing to run")


def with_folder_name(job: list[str], config: DictConfig) -> list[str]:
    """Return a job's overrides with its folder's name added, unless the user sets that name."""
    if any(override_key(override) == "hydra.sweep.subdir" for override in config.hydra.overrides.hydra):
        return job
    return [*job, f"hydra.sweep.subdir='{folder_name(job)}'"]


def folder_name(overrides: Sequence[str]) -> str:
    """Return a readable folder name, valid on every file system and unique to the overrides."""
    # Config groups come first, as they say most; the order on the command line must not matter.
    sorted_overrides = sorted(
        run_overrides(overrides), key=lambda text: (override_key(text).count("."), override_key(text))
    )
    full_name = ",".join(override.lstrip("+") for override in sorted_overrides) or "default"
    safe_name = re.sub(r"[^\w.,=+@()\[\]~-]", "-", full_name)
    if safe_name == full_name and len(safe_name.encode()) <= LONGEST_NAME:
        return safe_name
    digest = hashlib.sha256(full_name.encode()).hexdigest()[:8]
    return f"{safe_name.encode()[:LONGEST_NAME].decode(errors='ignore')}-{digest}"


@contextmanager
def reported_sweep(config: DictConfig, arguments: Sequence[str]) -> Iterator[list[Outcome | None]]:
    """Check the sweep's folder; after the sweep write and print its table, and raise the runs' failures.

    Yields a list for the runs' outcomes. Raises UserError, or a run's unforeseen error.
    """
    folder = Path(config.hydra.sweep.dir)
    require_usable_folder(config, folder)
    ended: list[Outcome | None] = []
    uses_joblib = config.hydra.runtime.choices.get("hydra/launcher") == "joblib"
    try:
        with joblib_signals.saves_when_stopped(folder) if uses_joblib else nullcontext():
            yield ended
    except KeyboardInterrupt as interruption:
        raise Interrupted(signal.SIGINT, continue_command(arguments, config)) from interruption
    write_and_print_table(folder)
    raise_failure([run for run in ended if run is not None], config, arguments, folder)


def write_and_print_table(folder: Path) -> None:
    """Write the sweep's table and print it."""
    from ganexp.sweeps import table

    table.show(table.write(folder))


def require_usable_folder(config: DictConfig, folder: Path) -> None:
    """Raise UserError if the folder already holds a sweep, or if ``skip_finished`` names no sweep to continue.

    A restarted SLURM job continues its own sweep.
    """
    given = [override_key(override) for override in (*config.hydra.overrides.task, *config.hydra.overrides.hydra)]
    if config.get("skip_finished") and "skip_finished" in given and not {"sweep_dir", "hydra.sweep.dir"} & {*given}:
        raise UserError("skip_finished=true: name the sweep to continue by sweep_dir=DIR")
    may_continue = config.get("skip_finished") or slurm.batch_job() is not None
    if not may_continue and next(status.run_folders(folder), None) is not None:
        raise UserError(
            f"sweep_dir={folder} already holds a sweep; continue it with skip_finished=true, or choose another folder"
        )


def continue_command(arguments: Sequence[str], config: DictConfig) -> str:
    """Return the command that continues the sweep, in a sentence; options of the user's own need their folder again."""
    rest = [argument for argument in arguments if override_key(argument) not in ("sweep_dir", "skip_finished")]
    given = [source.path for source in config.hydra.runtime.config_sources if source.provider == COMMAND_LINE]
    own = [f"--config-dir={path}" for path in given]
    command = shlex.join(["-m", *own, *rest, f"sweep_dir={config.hydra.sweep.dir}", "skip_finished=true"])
    return f"the sweep stopped; continue it with: python -m ganexp {command}"


def raise_failure(ended: Sequence[Outcome], config: DictConfig, arguments: Sequence[str], folder: Path) -> None:
    """Raise the failure that decides the exit status: a signal first, then unforeseen errors, then user errors."""
    failed = [
        run
        for run in ended
        if run.error is not None and (run.status != summary.REFUSED or not config.get("skip_refused"))
    ]
    errors = [remote_errors.from_dict(run.error) for run in failed if run.error is not None]
    for error in errors:
        if isinstance(error, Interrupted):
            raise Interrupted(error.signal_number, continue_command(arguments, config))
    for error in errors:
        if not isinstance(error, UserError):
            raise error
    if errors:
        several = f"{len(failed)} of {len(ended)} runs were refused or failed, see {folder / 'sweep.md'}: "
        raise UserError(f"{several if len(failed) > 1 else ''}{errors[0]}")
