"""Launching of training runs: in the current process, or in one process per device."""

import sys
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf

from ganexp.distributed.environment import is_externally_launched, is_rank_zero
from ganexp.errors import Diverged, UserError
from ganexp.records import summary
from ganexp.runs import run_folder, run_lock, run_log
from ganexp.runs.run import Run
from ganexp.training import launcher
from ganexp.training.failures import continuation_named, recorded_failure
from ganexp.training.preemption import requeued_when_preempted
from ganexp.training.resume import continue_begun, discard, has_begun


def start(run: Run, provenance: Mapping[str, Any]) -> None:
    """Train in a new folder, and write ``provenance`` into its summary.json.

    With ``autoresume``, in a SLURM job, which may be restarted, and in a sweep with ``skip_finished``, the same
    configuration continues the run that its folder already holds. A run without a checkpoint begins anew.
    """
    run.folder.mkdir(parents=True, exist_ok=True)
    with exclusive(run.folder):
        unfinished = continue_begun(run) if has_begun(run.folder) else run
        if unfinished is None:
            return say_finished(run)
        if unfinished.checkpoint is not None:
            return fit(unfinished)
        with discarded_if_unused(run.folder):
            if is_rank_zero():
                if has_begun(run.folder):
                    discard(run.folder)
                run_folder.create(run.folder, run.config)
                summary.update(run.folder, **provenance)
            fit(run)


@contextmanager
def discarded_if_unused(folder: Path) -> Iterator[None]:
    """Remove what a run that fails before training writes into its folder, but nothing that was there before."""
    present = run_folder.files_of_run(folder)
    try:
        yield
    except Exception:
        if is_rank_zero():
            run_folder.discard_unused(folder, present)
        raise
    finally:
        if not is_rank_zero():
            # Hydra makes a folder in each process, named by that process's clock.
            run_lock.remove_empty(folder)


def say_finished(run: Run) -> None:
    """Print that there is nothing left to train."""
    if is_rank_zero():
        print(f"{run.folder} is finished: images={run.config.images:,} have been seen", file=sys.stderr)


def fit(run: Run) -> None:
    """Train the run from its checkpoint or from the start.

    With ``doctor.rollback`` each divergence returns to the last good checkpoint. Raises Interrupted if a signal stopped
    training, after the checkpoint is saved; a preempted SLURM job is requeued. Raises UserError if another process
    trains or scores the run.
    """
    folder = run.folder
    with (
        exclusive(folder),
        recorded_failure(folder),
        messages(folder),
        requeued_when_preempted(folder),
        # After the last rollback only.
        continuation_named(folder),
    ):
        while True:
            try:
                return train(run)
            except Diverged as error:
                if not OmegaConf.select(run.config, "doctor.rollback"):
                    raise
                from ganexp.training.rollback import roll_back

                run = run.starting_from(roll_back(run.folder, error))


def exclusive(folder: Path) -> AbstractContextManager[None]:
    """Return the context that holds the lock of a run's folder, on rank 0 for all ranks."""
    return run_lock.exclusive(folder) if is_rank_zero() else nullcontext()


def messages(folder: Path) -> AbstractContextManager[None]:
    """Return the logging context: terminal and log.txt on rank 0, silence on the others."""
    return run_log.logged(folder) if is_rank_zero() else run_log.silenced()


def train(run: Run, quiet: bool = False) -> None:
    """Train on every device that the trainer requests; ``quiet`` silences the processes started for it.

    Raises UserError for several devices without a strategy for them, and for GPUs that are missing or unusable.
    """
    from ganexp.training import gpus

    trainer = run.config.trainer
    gpus.require_gpus(trainer)
    devices, nodes = launcher.devices(trainer), trainer.get("num_nodes", 1)
    if devices * nodes > 1:
        require_strategy(run.config)
        if not is_externally_launched():
            return launcher.launch(run, devices, nodes, quiet)

    from ganexp.training import fit

    fit.train(run)


def require_strategy(config: DictConfig) -> None:
    """Raise UserError for settings that cannot work on several devices."""
    trainer = config.trainer
    if isinstance(trainer.get("strategy"), str):
        raise UserError(
            f"trainer.devices={trainer.get('devices')} trainer.num_nodes={trainer.get('num_nodes')} "
            f"trainer.strategy={trainer.strategy}: several devices train one run by trainer=ddp (GPUs) or "
            "trainer=ddp_cpu (processors); several runs at once: -m"
        )
    if is_externally_launched() and OmegaConf.select(config, "doctor.rollback"):
        raise UserError(
            "doctor.rollback=true: under torchrun or srun a run cannot be rolled back; start ganexp without them"
        )
