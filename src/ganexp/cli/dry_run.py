"""Flag ``--dry-run`` of training: compose, check and build a run, and estimate its size and time."""

import tempfile
from collections.abc import Mapping
from typing import Any

from ganexp.cli import train
from ganexp.cli.flags import read_flags
from ganexp.errors import UserError
from ganexp.runs.run import Run


def estimated(run: Run, provenance: Mapping[str, Any]) -> None:
    """Print the sizes of a run's networks, its memory and its time, instead of training it."""
    from ganexp.training.estimate import estimate

    print(estimate(run))


def main(arguments: list[str]) -> None:
    """Print what training with the given overrides would take.

    Raises UserError for a sweep, and for a run that is resumed.
    """
    if any(argument.startswith(train.RESUME) for argument in arguments):
        raise UserError(f"{train.DRY_RUN}: it is for a new run; leave out {train.RESUME}…")
    if read_flags(arguments).multirun:
        raise UserError(f"{train.DRY_RUN}: it is for a single run; leave out -m, and give one value for each key")
    with tempfile.TemporaryDirectory() as folder:
        train.start([*arguments, f"hydra.run.dir='{folder}'"], estimated)
