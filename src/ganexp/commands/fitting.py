"""One training run in a folder: in this process, or in one a device."""

from contextlib import AbstractContextManager
from pathlib import Path

from omegaconf import DictConfig, OmegaConf

from ganexp import run_folder
from ganexp.commands import gpus, processes
from ganexp.commands.preemption import requeued_when_preempted
from ganexp.errors import Diverged, UserError


def fit(config: DictConfig, folder: Path, checkpoint: Path | None = None) -> None:
    """Train in ``folder``, from ``checkpoint`` where there is one.

    Where ``doctor.rollback`` says so, return from each divergence to the last good checkpoint. Raises Interrupted if
    a signal stopped it, after saving; in a SLURM job, preemption puts it back into the queue.
    """
    with messages(folder), requeued_when_preempted():
        while True:
            try:
                return run(config, folder, checkpoint)
            except Diverged as error:
                if not OmegaConf.select(config, "doctor.rollback"):
                    raise
                from ganexp.commands.rollback import roll_back

                checkpoint = roll_back(folder, error)


def messages(folder: Path) -> AbstractContextManager[None]:
    """Return where messages go: to the terminal and to log.txt, but from one process only."""
    return run_folder.logged(folder) if processes.leads() else run_folder.silenced()


def run(config: DictConfig, folder: Path, checkpoint: Path | None, quiet: bool = False) -> None:
    """Train in every process that the trainer names; ``quiet`` keeps other processes from saying anything.

    Raises UserError for several devices without a strategy for them, and for GPUs that are not there or cannot be used.
    """
    gpus.require_gpus(config.trainer)
    devices, nodes = processes.devices(config.trainer), config.trainer.get("num_nodes", 1)
    if devices * nodes > 1:
        require_strategy(config)
        if not processes.started_by_others():
            return processes.run(config, folder, checkpoint, devices, nodes, quiet)

    from ganexp.commands import training

    training.run(config, folder, checkpoint)


def require_strategy(config: DictConfig) -> None:
    """Raise UserError for what cannot work on several devices."""
    trainer = config.trainer
    if isinstance(trainer.get("strategy"), str):
        raise UserError(
            f"trainer.devices={trainer.get('devices')} trainer.num_nodes={trainer.get('num_nodes')} "
            f"trainer.strategy={trainer.strategy}: several devices train one run by trainer=ddp (GPUs) or "
            "trainer=ddp_cpu (processors); several runs at once: -m"
        )
    if processes.started_by_others() and OmegaConf.select(config, "doctor.rollback"):
        raise UserError("doctor.rollback=true: with torchrun or srun it cannot go back; start ganexp without them")
