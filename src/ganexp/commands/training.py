"""One training run: build what the configuration names, fit, say where everything is."""

import logging
import time
from pathlib import Path
from typing import Any

import lightning as L
from hydra.utils import instantiate
from omegaconf import DictConfig, OmegaConf

from ganexp import run_folder
from ganexp.callbacks.interruption import GracefulStop
from ganexp.commands.building import build
from ganexp.errors import Interrupted

log = logging.getLogger(__name__)


def fit(config: DictConfig, folder: Path, checkpoint: Path | None = None) -> None:
    """Train in ``folder``, from ``checkpoint`` where there is one.

    Raises Interrupted if a signal stopped it, after saving.
    """
    logging.getLogger("lightning.pytorch").setLevel(logging.WARNING)
    log_file = run_folder.start_log(folder)
    try:
        run(config, folder, checkpoint)
    except Exception as error:
        log_file.emit(log.makeRecord(log.name, logging.ERROR, __file__, 0, str(error), (), None))
        raise
    finally:
        logging.getLogger().removeHandler(log_file)
        log_file.close()


def run(config: DictConfig, folder: Path, checkpoint: Path | None) -> None:
    """Build, fit and report."""
    L.seed_everything(config.seed, workers=True, verbose=False)
    data, module = build(config.data), build(config.model)
    stop = GracefulStop()
    callbacks = [*present(build(config.callbacks)), stop]
    loggers = present(build(config.logger))
    for logger in loggers:
        logger.log_hyperparams(OmegaConf.to_container(config, resolve=True))
    trainer = instantiate(config.trainer, callbacks=callbacks, logger=loggers, _convert_="all")
    started = time.perf_counter()
    trainer.fit(module, datamodule=data, ckpt_path=checkpoint, weights_only=True)
    if stop.received is not None:
        log.info("stopped after %s images; go on by: python -m ganexp resume=%s", f"{module.images_seen:,}", folder)
        raise Interrupted(stop.received)
    log.info(
        "%s images in %s; samples, curves and checkpoints are in %s",
        f"{module.images_seen:,}",
        duration(time.perf_counter() - started),
        shown(folder),
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
