"""Training of one run in the current process: build, fit, report."""

import logging
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import lightning as L
import torch
from lightning.fabric.utilities.exceptions import MisconfigurationException
from omegaconf import DictConfig, OmegaConf

from ganexp.callbacks.data_version import RecordDataVersion
from ganexp.callbacks.end import End, end_of_training
from ganexp.callbacks.heartbeat import CountSteps
from ganexp.callbacks.hyperparameters import ConfiguredHyperparameters
from ganexp.callbacks.interruption import GracefulStop
from ganexp.callbacks.monitors import require_monitored
from ganexp.callbacks.pruning import Pruning
from ganexp.callbacks.settings import Settings
from ganexp.callbacks.summary import Summary
from ganexp.config.build import build
from ganexp.distributed import gpu_memory
from ganexp.errors import Interrupted, Pruned, UserError, one_line
from ganexp.files.saved_values import naming_checkpoint
from ganexp.numerics.flags import numerics_of, operation_without_deterministic_form, prepare_cublas
from ganexp.records.version import code_version
from ganexp.runs import run_folder
from ganexp.runs.model import build_model
from ganexp.runs.permissions import permissions
from ganexp.runs.run import Run
from ganexp.terminal.commands import resume_command
from ganexp.training import gpus
from ganexp.training.divergence import divergence_recognized
from ganexp.training.restore import (
    Contents,
    discard_later,
    record_changes,
    restore,
    warn_of_nothing_left,
    warn_of_other_ranks,
)
from ganexp.training.saved_state import require_trainer_state
from ganexp.training.trainer import build_trainer
from ganexp.transfer.start import start_from_weights

log = logging.getLogger(__name__)


@contextmanager
def errors_in_one_line() -> Iterator[None]:
    """Raise UserError for what Lightning and torch refuse: settings, memory, nondeterministic operations."""
    try:
        yield
    except MisconfigurationException as error:
        raise UserError(f"trainer: {one_line(error)}") from error
    except torch.cuda.OutOfMemoryError as error:
        raise UserError(gpu_memory.out_of_memory_message(error)) from error
    except RuntimeError as error:
        operation = operation_without_deterministic_form(error)
        if operation is None:
            raise
        raise UserError(
            f"{operation} has no deterministic form: numerics.deterministic=false trains with it, and then two runs "
            "of the same seed may differ"
        ) from error


@errors_in_one_line()
def train(run: Run) -> None:
    """Train the run in this process, alone or as one of several ranks: build its parts, fit, report.

    Raises Interrupted if a signal stopped training, after the checkpoint is saved.
    """
    for name in ("pytorch", "fabric"):
        logging.getLogger(f"lightning.{name}").setLevel(logging.WARNING)
    gpus.require_usable(run.config.trainer)
    prepare_cublas()
    numerics = numerics_of(run.config.get("numerics"), run.config.trainer)
    L.seed_everything(run.config.seed, workers=True, verbose=False)
    data, module = build(run.config.data), build_model(run.config.model, run.checkpoint)
    require_optimizers(module)
    contents = None if run.checkpoint is None else restore(module, run)
    if contents is None:
        start_from_weights(module, run.config.get("init"), run.folder)
    stop = GracefulStop()
    # Before the loggers, some of which start what they log to.
    callbacks = [CountSteps(), *build_callbacks(run.config.callbacks, module), Settings(run.fixed), stop]
    loggers = enabled(build(run.config.logger))
    permitting = cache(lambda: permissions(run.config))
    for summary in (callback for callback in callbacks if isinstance(callback, Summary)):
        summary.permissions = permitting
    callbacks.append(RecordDataVersion(run.folder))
    if contents is not None:
        callbacks.append(ConfiguredHyperparameters())
    graphs = run.config.get("graphs")
    trainer = build_trainer(run.config.trainer, graphs, numerics, run.folder, callbacks, loggers)
    if contents is not None:
        continue_from(run, contents, trainer)
    hyperparameters: Any = OmegaConf.to_container(run.config, resolve=True)
    for logger in loggers:
        logger.log_hyperparams({**hyperparameters, "code": code_version()})
    started = time.perf_counter()
    try:
        with divergence_recognized(module):
            trainer.fit(module, datamodule=data, ckpt_path=run.checkpoint, weights_only=True)
    except SystemExit as end:
        # Lightning's answer to a second Ctrl-C.
        raise Interrupted(signal.SIGINT, "stopped at once, without saving") from end
    except torch.cuda.OutOfMemoryError as error:
        images = run.config.data.batch_size // trainer.world_size
        raise out_of_memory(error, module, images, getattr(data, "device_bytes", 0)) from error
    if stop.received is not None and module.images_seen < module.images:
        message = f"stopped after {module.images_seen:,} images"
        raise Interrupted(stop.received, f"{message}; {continuation('continue with', run.folder, permitting())}")
    for callback in callbacks:
        if isinstance(callback, Pruning) and callback.reason is not None:
            raise Pruned(callback.reason)
    ended = end_of_training(trainer)
    if contents is not None and ended.is_finished:
        warn_of_nothing_left(contents, module.images_seen)
    ended = replace(ended, overrides=(*ended.overrides, *permitting()))
    say_how_it_ended(run.folder, module, ended, time.perf_counter() - started)


def continue_from(run: Run, contents: Contents, trainer: L.Trainer) -> None:
    """Make the run's checkpoint the state that training continues from, once the trainer can be restored from it."""
    assert run.checkpoint is not None
    with naming_checkpoint(run.checkpoint):
        require_trainer_state(trainer, contents)
    discard_later(run, contents)
    record_changes(run, contents)
    warn_of_other_ranks(contents, trainer.world_size)


def say_how_it_ended(folder: Path, module: Any, ended: End, seconds: float) -> None:
    """Log what was trained, why training ended, and the command that continues."""
    folder, seen = relative_to_cwd(folder), f"{module.images_seen:,}"
    log.info("%s images in %s; samples, curves and checkpoints are in %s", seen, duration(seconds), folder)
    if ended.is_finished:
        log.info("%s; %s", ended.reason, continuation("train longer with", folder, ended.overrides))
    else:
        command = continuation("continue with", folder, ended.overrides)
        log.warning("%s after %s of %s images; %s", ended.reason, seen, f"{module.images:,}", command)


def continuation(purpose: str, folder: Path, overrides: tuple[str, ...]) -> str:
    """Return the command that continues the run in ``folder``, after its purpose, or that there is no checkpoint."""
    if not (folder / run_folder.CHECKPOINTS / "last.ckpt").is_file():
        return "without a checkpoint it cannot be continued"
    return f"{purpose}: {resume_command(folder, overrides)}"


def build_callbacks(config: DictConfig, module: Any) -> list[L.Callback]:
    """Return the configured callbacks; raises UserError for scores or monitors that the game cannot have."""
    callbacks = build(config)
    require_monitored(callbacks, module)
    return enabled(callbacks)


def out_of_memory(error: BaseException, module: Any, images: int, data: int = 0) -> UserError:
    """Return the error for a GPU without enough memory for a rank's part of the batch, which is ``images`` images.

    ``data`` is the bytes of training data on the GPU.
    """
    weights = sum(parameter.numel() * parameter.element_size() for parameter in module.parameters())
    fixed = gpu_memory.COPIES_OF_WEIGHTS * weights + data
    advice = gpu_memory.out_of_memory_advice(error, images, module.accumulate, fixed)
    freed = f"; or data.device_memory_share=0, which frees the {gpu_memory.format_bytes(data)} of the data"
    return UserError(advice + (freed if data else ""))


def require_optimizers(module: Any) -> None:
    """Raise UserError if a player has no optimizer, or an optimizer refuses its settings."""
    missing = [player.name for player in module.players() if module.optimizer_of.get(player.name) is None]
    if missing:
        raise UserError(f"optimizer.{missing[0]} is missing: each player has an optimizer; list optimizer shows them")
    try:
        module.configure_optimizers()
    except (TypeError, ValueError) as error:
        raise UserError(f"optimizer: {one_line(error)}") from error


def enabled(parts: dict[str, Any]) -> list[Any]:
    """Return the callbacks or loggers that the configuration does not set to null."""
    return [part for part in parts.values() if part is not None]


def duration(seconds: float) -> str:
    """Format seconds as minutes and seconds."""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


def relative_to_cwd(folder: Path) -> Path:
    """Return the folder relative to the working directory if it is inside it, else unchanged."""
    cwd = Path.cwd()
    return folder.relative_to(cwd) if folder.is_relative_to(cwd) else folder
