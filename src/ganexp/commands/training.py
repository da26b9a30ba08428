"""One training run: build what the configuration names, fit, say where everything is."""

import logging
import shlex
import signal
import time
from pathlib import Path
from typing import Any

import lightning as L
import torch
from lightning.fabric.utilities.exceptions import MisconfigurationException
from omegaconf import DictConfig

from ganexp import composition, run_folder
from ganexp.callbacks.interruption import GracefulStop
from ganexp.commands.building import build
from ganexp.commands.loading import load_weights
from ganexp.errors import Interrupted, UserError, one_line

log = logging.getLogger(__name__)


def fit(config: DictConfig, folder: Path, checkpoint: Path | None = None) -> None:
    """Train in ``folder``, from ``checkpoint`` where there is one.

    Raises Interrupted if a signal stopped it, after saving.
    """
    logging.getLogger("lightning.pytorch").setLevel(logging.WARNING)
    with run_folder.logged(folder):
        try:
            run(config, folder, checkpoint)
        except MisconfigurationException as error:
            raise UserError(f"trainer: {one_line(error)}") from error
        except torch.OutOfMemoryError as error:
            raise UserError("the device's memory is full: lower data.batch_size, or raise model.accumulate") from error


def run(config: DictConfig, folder: Path, checkpoint: Path | None) -> None:
    """Build, fit and report."""
    L.seed_everything(config.seed, workers=True, verbose=False)
    data, module = build(config.data), build(config.model)
    require_optimizers(module)
    if checkpoint is not None:
        load_weights(module, checkpoint)
    stop = GracefulStop()
    loggers = present(build(config.logger))
    trainer = build(config.trainer, callbacks=[*present(build(config.callbacks)), stop], logger=loggers)
    require_one_process(trainer)
    for logger in loggers:
        logger.log_hyperparams(composition.plain(config))
    started = time.perf_counter()
    try:
        trainer.fit(module, datamodule=data, ckpt_path=checkpoint, weights_only=True)
    except SystemExit as end:
        # Lightning's answer to a second Ctrl-C.
        raise Interrupted(signal.SIGINT, "stopped at once, without saving") from end
    if stop.received is not None and module.images_seen < module.images:
        again = shlex.quote(f"resume={folder}")
        how = f"stopped after {module.images_seen:,} images; go on by: python -m ganexp {again}"
        raise Interrupted(stop.received, how)
    log.info(
        "%s images in %s; samples, curves and checkpoints are in %s",
        f"{module.images_seen:,}",
        duration(time.perf_counter() - started),
        shown(folder),
    )


def require_optimizers(module: Any) -> None:
    """Raise UserError if an optimizer refuses its settings."""
    try:
        module.configure_optimizers()
    except (TypeError, ValueError) as error:
        raise UserError(f"optimizer: {one_line(error)}") from error


def require_one_process(trainer: L.Trainer) -> None:
    """Raise UserError if training would be spread over several processes."""
    if trainer.world_size > 1:
        raise UserError(
            f"trainer.devices={trainer.num_devices} trainer.num_nodes={trainer.num_nodes}: a run trains in one process "
            "on one device; choose which by trainer.devices=[1], and run several at once by -m"
        )


def present(parts: dict[str, Any]) -> list[Any]:
    """Return the parts that the configuration has not set to null."""
    return [part for part in parts.values() if part is not None]


def duration(seconds: float) -> str:
    """Return seconds as people say them."""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


def shown(folder: Path) -> Path:
    """Return the folder relative to the current one, where it is inside."""
    here = Path.cwd()
    return folder.relative_to(here) if folder.is_relative_to(here) else folder
