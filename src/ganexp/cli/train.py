"""``ganexp [train]``: compose the configuration, check it, train."""

import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import hydra
from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf

from ganexp.cli.flags import read_flags
from ganexp.config import checks, composition
from ganexp.distributed import slurm
from ganexp.errors import UserError, one_line
from ganexp.records import summary
from ganexp.runs import run_folder
from ganexp.runs.provenance import group_sweep, origin
from ganexp.sweeps import joblib_signals
from ganexp.sweeps.status import Outcome
from ganexp.training import launcher
from ganexp.training.launch import fit
from ganexp.training.resume import forget, go_on, has_begun

RESUME = "resume="
UNKNOWN_PLUGIN = "Unknown plugin class"
"""Hydra's words."""
NO_SLURM = 'Could not detect "srun"'
"""submitit's words."""


def main(arguments: list[str]) -> None:
    """Train as the arguments say, or go on with the run that ``resume=`` names."""
    composition.register_resolvers()
    composition.register_sweeps()
    resumed = [argument for argument in arguments if argument.startswith(RESUME)]
    if resumed:
        from ganexp.cli import resume

        rest = [argument for argument in arguments if argument not in resumed]
        resume.main(Path(resumed[-1].removeprefix(RESUME)), rest)
    else:
        compose_and_train(arguments)


def compose_and_train(arguments: list[str]) -> None:
    """Let Hydra compose the configuration, several with -m, and train with each.

    A run of several that fails does not end the others; a signal does. Raises what went wrong, at the end.
    """
    flags = read_flags(arguments)
    folders = [composition.conf_dir(), *([Path(flags.config_dir).resolve()] if flags.config_dir else [])]
    if flags.help:
        from ganexp.cli import help

        return help.show(folders)
    failures: list[Exception] = []
    stopped: list[Outcome] = []
    process = os.getpid()

    def train_composed(config: DictConfig) -> Outcome | None:
        folder = Path(HydraConfig.get().runtime.output_dir)
        if HydraConfig.get().mode == RunMode.MULTIRUN:
            if stopped or joblib_signals.is_stopped(Path(HydraConfig.get().sweep.dir)):
                return None
            return run_of_a_sweep(config, folder)
        tell_if_one_of_many()
        try:
            check_composed(config, folders)
            train(config, folder, origin(flags))
        # Hydra would print its own report of several lines.
        except Exception as failure:
            run_folder.discard_unused(folder)
            failures.append(failure)
        return None

    def run_of_a_sweep(config: DictConfig, folder: Path) -> Outcome:
        from ganexp.sweeps import job, table

        overrides = run_folder.of_the_run(HydraConfig.get().overrides.task)
        started_by = {**origin(flags), "overrides": overrides}

        def train_here(config: DictConfig, folder: Path) -> None:
            with joblib_signals.interruptible(process):
                train(config, folder, started_by)

        ended = job.run(
            config,
            folder,
            overrides,
            lambda config: check_composed(config, folders),
            train_here,
        )
        if ended.status == summary.STOPPED:
            stopped.append(ended)
        table.write(Path(HydraConfig.get().sweep.dir))
        return ended

    # Otherwise Hydra prints its own report of several lines and exits.
    os.environ["HYDRA_FULL_ERROR"] = "1"
    sys.argv[1:] = arguments
    entry = hydra.main(version_base="1.3", config_path=str(composition.conf_dir()), config_name="train")
    try:
        entry(train_composed)()
    except composition.COMPOSITION_ERRORS as error:
        raise UserError(composition.explain(error, composition.known_keys(flags.overrides, folders))) from error
    except RuntimeError as error:
        if not of_a_launcher(error):
            raise
        missing = "; pip install 'ganexp[sweeps]'" if UNKNOWN_PLUGIN in str(error) else ""
        raise UserError(f"hydra/launcher: {one_line(error)}{missing}") from error
    except SystemExit as end:
        # Hydra's --hydra-help.
        if end.code:
            raise
    if failures:
        raise failures[0]


def of_a_launcher(error: RuntimeError) -> bool:
    """Return whether a launcher is not installed, finds no SLURM, or SLURM refuses or loses its jobs."""
    text = str(error)
    return UNKNOWN_PLUGIN in text or NO_SLURM in text or type(error).__module__.startswith("submitit.")


def tell_if_one_of_many() -> None:
    """Say so if a sweep is named and only one run of it begins."""
    name = HydraConfig.get().runtime.choices.get("sweeps")
    if name is not None and launcher.leads():
        print(f"one run with the settings of sweeps={name}; the whole sweep: add -m", file=sys.stderr)


def check_composed(config: DictConfig, folders: list[Path]) -> None:
    """Raise UserError for wrong kinds of values and for settings that contradict each other."""
    overrides = [override for override in HydraConfig.get().overrides.task if not override.startswith("~")]
    choices = [override for override in overrides if composition.is_choice(override, folders)]
    keys = [override.lstrip("+").partition("=")[0] for override in overrides if override not in choices]
    if keys:
        composition.check_types(OmegaConf.to_container(config), defaults_for(choices), keys)  # type: ignore[arg-type]
    checks.check_parts(OmegaConf.to_container(config))  # type: ignore[arg-type]
    resolved = composition.plain(config)
    # Before the rules, which would say that a missing folder has no labels.
    checks.check_folders(resolved["data"])
    checks.check(resolved)


def defaults_for(choices: list[str]) -> dict[str, Any]:
    """Return what the configuration would be without the user's values, only with the choice of options."""
    from hydra.core.global_hydra import GlobalHydra

    loader = GlobalHydra.instance().config_loader()
    config = loader.load_configuration("train", choices, RunMode.RUN)
    OmegaConf.set_struct(config, False)
    config.pop("hydra")
    return OmegaConf.to_container(config)  # type: ignore[return-value]


def train(config: DictConfig, folder: Path, started_by: dict[str, Any]) -> None:
    """Train in a new folder, in which summary.json says what started it.

    In a SLURM job, which may be started again, and in a sweep with ``skip_finished``, the same configuration goes on
    with the run in ``folder``.
    """
    config.run_dir = str(folder)
    group_sweep(config)
    if (config.get("skip_finished") or slurm.batch_job() is not None) and has_begun(folder):
        if go_on(config, folder):
            return
        if launcher.leads():
            forget(folder)
    if launcher.leads():
        run_folder.create(folder, config)
        summary.update(folder, **started_by)
    try:
        fit(config, folder)
    finally:
        if not launcher.leads():
            # Hydra makes a folder in each process, named by its own clock.
            with suppress(OSError):
                folder.rmdir()
