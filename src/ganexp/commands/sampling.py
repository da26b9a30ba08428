"""The heavy part of sampling: load the generator, draw, write."""

from pathlib import Path
from typing import Any

import torch
from omegaconf import DictConfig

from ganexp.commands.building import build
from ganexp.commands.resuming import load_checkpoint
from ganexp.errors import UserError
from ganexp.pictures import picture, save


def load_model(config: DictConfig, checkpoint: Path) -> Any:
    """Return the trained model on the fastest device, in evaluation mode.

    Raises UserError if the checkpoint is of another architecture.
    """
    weights = load_checkpoint(checkpoint)["state_dict"]
    model = build(config.model)
    try:
        model.load_state_dict(weights)
    except RuntimeError as error:
        first = str(error).splitlines()[1].strip()
        raise UserError(f"{checkpoint} does not fit the model in config.yaml: {first}") from error
    return model.to("cuda" if torch.cuda.is_available() else "cpu").eval()


def write_samples(config: DictConfig, checkpoint: Path, n: int, seed: int, labels: list[int] | None, out: Path) -> None:
    """Write ``n`` images as NNNNN.png, and grid.png of them all."""
    model = load_model(config, checkpoint)
    try:
        samples = model.sample(n, seed, labels)
    except ValueError as error:
        raise UserError(str(error)) from error
    for number, sample in enumerate(samples):
        save(picture(sample[None], 1), out / f"{number:05d}.png")
    save(picture(samples, model.columns), out / "grid.png")
    print(f"{n} images and grid.png are in {out}")
