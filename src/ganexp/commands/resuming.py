"""The heavy part of resuming: the rows and pictures beyond the checkpoint are made again."""

import pickle
from pathlib import Path

import torch
from omegaconf import DictConfig

from ganexp.commands.training import fit
from ganexp.errors import UserError
from ganexp.game import COUNTERS
from ganexp.loggers.metrics_csv import MetricsCSV


def resume(config: DictConfig, folder: Path, checkpoint: Path) -> None:
    """Go on from the checkpoint.

    Raises UserError if the run is already finished.
    """
    seen = load_checkpoint(checkpoint)[COUNTERS]["images_seen"]
    if seen >= config.images:
        raise UserError(
            f"{folder} is finished: it has seen {seen:,} of images={config.images:,}; to train on, give more images="
        )
    MetricsCSV(str(folder)).forget_after(seen)
    for picture in (folder / "samples").glob("[0-9]*.png"):
        if int(picture.stem) > seen:
            picture.unlink()
    fit(config, folder, checkpoint)


def load_checkpoint(path: Path) -> dict:
    """Return a checkpoint's contents, tensors and plain values only.

    Raises UserError if the file is damaged, is not ganexp's, or holds code.
    """
    try:
        checkpoint = torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError, ValueError) as error:
        raise UserError(f"{path} is not a whole checkpoint of weights alone: it is damaged, or holds code") from error
    if not isinstance(checkpoint, dict) or COUNTERS not in checkpoint:
        raise UserError(f"{path} is not a checkpoint of ganexp's")
    return checkpoint
