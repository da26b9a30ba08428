"""Command ``ganexp [train]``: compose the configuration, check it, train."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import hydra

from ganexp.cli.arguments import require_value
from ganexp.cli.flags import read_flags
from ganexp.cli.session import Begin, Session
from ganexp.cli.shorthands import written_out
from ganexp.config import composition
from ganexp.config.messages import explain
from ganexp.config.option_files import check_option_files
from ganexp.errors import UserError, one_line
from ganexp.runs.run import Run
from ganexp.training import launch

RESUME = "resume="
DRY_RUN = "--dry-run"
UNKNOWN_PLUGIN = "Unknown plugin class"
"""Part of Hydra's message."""
NO_SLURM = 'Could not detect "srun"'
"""Part of submitit's message."""


def main(arguments: list[str]) -> Run | None:
    """Train with the given overrides, or continue the run given by ``resume=``; return a single run."""
    composition.register_resolvers()
    composition.register_sweeps()
    resume_arguments = [argument for argument in arguments if argument.startswith(RESUME)]
    if DRY_RUN in arguments:
        from ganexp.cli import dry_run

        dry_run.main([argument for argument in arguments if argument != DRY_RUN])
        return None
    if resume_arguments:
        from ganexp.cli import resume

        rest = [argument for argument in arguments if argument not in resume_arguments]
        folder = resume_arguments[-1].removeprefix(RESUME)
        require_value("resume", folder, "the folder of a run")
        return resume.main(Path(folder), rest)
    return start(arguments)


def start(arguments: list[str], begin: Begin = launch.start) -> Run | None:
    """Let Hydra compose the configuration, or several with -m, begin a run with each, and return a single one.

    A failed run of a sweep does not end the others; a signal does. Raises the failure of a single run at the end.
    """
    arguments = written_out(arguments)
    flags = read_flags(arguments)
    # Hydra reads no overrides after a flag that follows others.
    arguments = [*(argument for argument in arguments if argument not in flags.overrides), *flags.overrides]
    folders = [composition.conf_dir(), *([Path(flags.config_dir).resolve()] if flags.config_dir else [])]
    if flags.help:
        from ganexp.cli import help

        help.show(folders)
        return None
    composition.require_short_keys(flags.overrides)
    for folder in folders[1:]:
        check_option_files(flags.overrides, folder)
    session = Session(flags, folders, begin)
    entry = hydra.main(version_base="1.3", config_path=str(composition.conf_dir()), config_name="train")
    try:
        with hydra_arguments(arguments):
            entry(session.train)()
    except composition.COMPOSITION_ERRORS as error:
        raise UserError(explain(error, composition.known_keys(flags.overrides, folders))) from error
    except RuntimeError as error:
        if not is_launcher_error(error):
            raise
        missing = "; pip install 'ganexp[sweeps]'" if UNKNOWN_PLUGIN in str(error) else ""
        raise UserError(f"hydra/launcher: {one_line(error)}{missing}") from error
    except SystemExit as end:
        # Hydra's --hydra-help.
        if end.code:
            raise
    if session.failure is not None:
        raise session.failure
    return session.run


@contextmanager
def hydra_arguments(arguments: list[str]) -> Iterator[None]:
    """Give Hydra its arguments where it reads them, and restore those of a caller in Python."""
    before = list(sys.argv)
    # Otherwise Hydra prints its own report of several lines and exits.
    os.environ["HYDRA_FULL_ERROR"] = "1"
    sys.argv[1:] = arguments
    try:
        yield
    finally:
        sys.argv[:] = before


def is_launcher_error(error: RuntimeError) -> bool:
    """Return whether a launcher is missing or finds no SLURM, or SLURM refuses or loses its jobs."""
    text = str(error)
    return UNKNOWN_PLUGIN in text or NO_SLURM in text or type(error).__module__.startswith("submitit.")
