"""Training session: the single run of a command line, or the runs of its sweep."""

import argparse
import os
import sys
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf

from ganexp.config import checks, composition, recipes
from ganexp.config.required import check_required
from ganexp.config.types import check_types
from ganexp.distributed import slurm
from ganexp.distributed.environment import is_rank_zero
from ganexp.errors import UserError
from ganexp.records import summary
from ganexp.runs import run_folder, run_lock
from ganexp.runs.provenance import given_overrides, group_by_sweep, name_in_loggers, origin
from ganexp.runs.run import Run, training_run
from ganexp.sweeps import job, joblib_signals
from ganexp.sweeps.status import Outcome
from ganexp.training import launch
from ganexp.transfer import settings as initial_weights

Begin = Callable[[Run, Mapping[str, Any]], None]


class Session:
    """The task function of Hydra, called with each configuration composed from a command line.

    ``folders`` contain the config groups. ``failure`` is the exception of a single run, kept here as Hydra would print
    its own report of several lines. ``run`` is a single run, given to ``begin`` with its provenance. Launchers pickle a
    session into the processes of a sweep's runs.
    """

    def __init__(self, flags: argparse.Namespace, folders: list[Path], begin: Begin = launch.start) -> None:
        self.flags = flags
        self.folders = folders
        self.begin = begin
        self.failure: Exception | None = None
        self.run: Run | None = None
        self.is_stopped = False
        self.process = os.getpid()

    def train(self, config: DictConfig) -> Outcome | None:
        """Train with a configuration; return the outcome of a sweep's run, None if it does not start."""
        if HydraConfig.get().mode == RunMode.MULTIRUN:
            sweep = Path(HydraConfig.get().sweep.dir)
            return None if self.is_stopped or joblib_signals.is_stopped(sweep) else self.train_in_sweep(config, sweep)
        warn_of_single_run()
        folder = Path(HydraConfig.get().runtime.output_dir)
        try:
            self.check(config)
            say_what_differs()
            self.run = training_run(config, folder)
            name_in_loggers(self.run.config.logger, self.run.config.seed)
            self.begin(self.run, origin(self.flags))
        except Exception as failure:
            # Hydra has made it.
            run_lock.remove_empty(folder)
            self.failure = failure
        return None

    def train_in_sweep(self, config: DictConfig, sweep: Path) -> Outcome:
        """Train one run of a sweep, and update the sweep's table."""
        from ganexp.sweeps import table

        overrides = run_folder.run_overrides(given_overrides())
        run = training_run(config, Path(HydraConfig.get().runtime.output_dir))
        outcome = job.train(run, overrides, self.check, self.start_in_sweep)
        self.is_stopped = self.is_stopped or outcome.status == summary.STOPPED
        table.write(sweep)
        return outcome

    def start_in_sweep(self, run: Run, overrides: list[str]) -> None:
        """Start or continue a run of a sweep."""
        say_what_differs()
        group_by_sweep(run.config)
        name_in_loggers(run.config.logger, run.config.seed)
        with joblib_signals.interruptible(self.process):
            launch.start(run, {**origin(self.flags), "overrides": overrides})

    def check(self, config: DictConfig) -> None:
        """Raise UserError for values of the wrong type and for settings that contradict each other."""
        if config.get("autoresume"):
            require_lasting_folder()
        overrides = [override for override in given_overrides() if not override.startswith("~")]
        choices = composition.choices_among(overrides, self.folders)
        keys = [override.lstrip("+").partition("=")[0] for override in overrides if override not in choices]
        deleted = [override[1:].partition("=")[0] for override in given_overrides() if override.startswith("~")]
        values: Any = OmegaConf.to_container(config)
        defaults = defaults_for(tuple(choices), tuple(self.folders)) if keys or deleted else {}
        check_types(values, defaults, keys)
        checks.check_parts(values)
        check_required(values, defaults, [*deleted, *keys])
        resolved = composition.resolve(config)
        # So that the trained model does not need the images.
        composition.settle(config, resolved)
        # Before the rules, which would report that a missing folder has no labels.
        checks.check_folders(resolved["data"])
        checks.check(resolved)
        initial_weights.check(resolved.get("init"))


def require_lasting_folder() -> None:
    """Raise UserError unless the next start of the command has the same folder, where autoresume finds the run."""
    if HydraConfig.get().mode == RunMode.MULTIRUN:
        raise UserError("autoresume=true: it is for a single run; a sweep goes on by sweep_dir=DIR skip_finished=true")
    overrides = HydraConfig.get().overrides
    given = {run_folder.override_key(override) for override in (*overrides.task, *overrides.hydra)}
    if not {"run_dir", "hydra.run.dir"} & given and slurm.batch_job() is None:
        raise UserError("autoresume=true: name the run's folder by run_dir=DIR; without it every start has a new one")


def warn_of_single_run() -> None:
    """Print a hint if sweeps=NAME is given without -m, which starts a single run."""
    name = HydraConfig.get().runtime.choices.get("sweeps")
    if name is not None and is_rank_zero():
        print(f"training a single run with the settings of sweeps={name}; add -m for the whole sweep", file=sys.stderr)


def say_what_differs() -> None:
    """Print one line if the recipe knowingly differs from the published game."""
    name = HydraConfig.get().runtime.choices.get(recipes.GROUP)
    line = None if name is None else recipes.notice(name)
    if line is not None and is_rank_zero():
        print(line, file=sys.stderr)


@cache
def defaults_for(choices: tuple[str, ...], folders: tuple[Path, ...]) -> dict[str, Any]:
    """Return the configuration with the choices from the folders' groups, but without the user's values.

    It must not be changed, as the runs of a sweep share it.
    """
    from hydra.core.global_hydra import GlobalHydra

    loader = GlobalHydra.instance().config_loader()
    config = loader.load_configuration("train", list(choices), RunMode.RUN)
    OmegaConf.set_struct(config, False)
    config.pop("hydra")
    return OmegaConf.to_container(config)  # type: ignore[return-value]
