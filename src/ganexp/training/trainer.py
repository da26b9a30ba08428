"""Lightning's Trainer of a run: its callbacks, its cluster environment, and torch's switches for its device."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import lightning as L
from lightning.fabric.plugins.environments.lightning import LightningEnvironment
from lightning.fabric.plugins.environments.slurm import SLURMEnvironment
from omegaconf import DictConfig, OmegaConf

from ganexp.callbacks.numerics import ChannelsLast, OptimizersLikeWeights, RecordNumerics
from ganexp.callbacks.time_limit import TimeLimit
from ganexp.callbacks.value_range import RecordValueRange
from ganexp.config.build import build
from ganexp.distributed.environment import is_launched_by_srun, is_launched_by_torchrun
from ganexp.errors import UserError
from ganexp.numerics.flags import Numerics, apply_numerics
from ganexp.training.capture import CaptureTurns


def build_trainer(
    config: DictConfig,
    graphs: Mapping[str, bool] | None,
    numerics: Numerics,
    folder: Path,
    callbacks: Sequence[L.Callback],
    loggers: list[Any],
) -> L.Trainer:
    """Return the Trainer of a run in a folder, and set torch's numerical switches for it.

    Its callbacks are those given and, after them, those of the numerical settings, the graphs and the time limit.
    Raises UserError for processes and devices that it cannot use.
    """
    callbacks = [
        *callbacks,
        *numerical_callbacks(numerics, folder),
        *graph_callbacks(graphs, folder),
        *time_limit(config),
    ]
    trainer: L.Trainer = build(config, callbacks=callbacks, logger=loggers, **cluster_environment(config))
    require_gpus_to_synchronize(trainer)
    # After the Trainer has set torch's switches itself.
    benchmark, warn_only = bool(config.get("benchmark")), config.get("deterministic") == "warn"
    apply_numerics(numerics, trainer.strategy.root_device.type, benchmark, warn_only)
    return trainer


def numerical_callbacks(numerics: Numerics, folder: Path) -> list[L.Callback]:
    """Return the callbacks that record numerical settings and ranges of values, and apply the memory format."""
    layout = [ChannelsLast()] if numerics.channels_last else []
    return [RecordNumerics(numerics, folder), RecordValueRange(folder), *layout, OptimizersLikeWeights()]


def graph_callbacks(graphs: Mapping[str, bool] | None, folder: Path) -> list[L.Callback]:
    """Return the callback that captures turns in CUDA graphs; ``graphs`` is None in a run from before the setting."""
    chosen = {"enabled": True, "check": True} | dict(graphs or {})
    return [CaptureTurns(folder, chosen["check"])] if chosen["enabled"] else []


def time_limit(trainer: DictConfig) -> list[L.Callback]:
    """Return the callback that ends training after ``trainer.max_time``, none without it."""
    values: Any = OmegaConf.to_container(trainer, resolve=True)
    return [] if values.get("max_time") is None else [TimeLimit(values["max_time"])]


def cluster_environment(trainer: DictConfig) -> dict[str, Any]:
    """Return the Trainer's cluster environment plugin as a keyword argument, unless the user sets ``trainer.plugins``.

    By itself Lightning takes a single process in a SLURM job for one of several, and requeues jobs between two turns.
    Raises UserError if srun was given no number of tasks per node.
    """
    if trainer.get("plugins") is not None or is_launched_by_torchrun():
        return {}
    if not is_launched_by_srun():
        return {"plugins": [LightningEnvironment()]}
    try:
        return {"plugins": [SLURMEnvironment(auto_requeue=False)]}
    except RuntimeError as error:
        raise UserError(
            "srun: give the processes of a node by --ntasks-per-node, not all of them by --ntasks"
        ) from error


def require_gpus_to_synchronize(trainer: L.Trainer) -> None:
    """Raise UserError for synchronized batch normalization on CPUs, which torch does not support."""
    strategy: Any = trainer.strategy
    if trainer.strategy.root_device.type == "cpu" and getattr(strategy, "_layer_sync", None) is not None:
        raise UserError(
            "trainer.sync_batchnorm=true: torch synchronizes batch normalization on GPUs only; on processors each rank "
            "normalizes by its own images, or choose normalization=layer"
        )
