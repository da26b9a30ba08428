"""Flag ``--dry-run`` of training: compose, check and build a run, and estimate its size and time."""

import tempfile
from pathlib import Path

from omegaconf import DictConfig

from ganexp.cli import train
from ganexp.cli.flags import read_flags
from ganexp.cli.session import Session
from ganexp.errors import UserError
from ganexp.runs.run import training_run


class DryRun(Session):
    """A session that estimates the run of a command line instead of training it."""

    def begin(self, config: DictConfig, folder: Path) -> None:
        """Print the sizes of a run's networks, its memory and its time."""
        run = training_run(config, folder)

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
        train.start([*arguments, f"hydra.run.dir='{folder}'"], DryRun)
