"""The heavy part of sampling: load the generator, draw, write."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from omegaconf import DictConfig

from ganexp.config.build import build
from ganexp.drawing.pictures import are_points, as_image, picture, save
from ganexp.errors import UserError
from ganexp.runs.checkpoint import load_weights

GRID = "grid.png"


def load_model(config: DictConfig, checkpoint: Path, truncation: float | None = None) -> Any:
    """Return the trained model on the fastest device, in evaluation mode, with its noise truncated if asked for.

    Raises UserError where it cannot be.
    """
    model = build(config.model)
    load_weights(model, checkpoint, config)
    model = model.to("cuda" if torch.cuda.is_available() else "cpu").eval()
    if truncation is not None:
        truncate(model, truncation)
    return model


def truncate(model: Any, truncation: float) -> None:
    """Truncate the model's noise; raises UserError for a model that draws from none, or from none to be cut."""
    if not hasattr(model, "sampler"):
        raise UserError(f"truncation={truncation}: this model draws from no noise; leave it out")
    try:
        model.sampler.truncate(truncation)
    except ValueError as error:
        raise UserError(str(error)) from error


def write_samples(model: Any, n: int, seed: int, labels: list[int] | None, out: Path) -> None:
    """Write ``n`` images as NNNNN.png, pixel by pixel, or points as points.csv; and grid.png of them all."""
    try:
        samples = model.sample(n, seed, labels).cpu()
    except ValueError as error:
        raise UserError(str(error)) from error
    if are_points(samples):
        np.savetxt(out / "points.csv", samples.flatten(1).numpy(), delimiter=",", header="x,y", comments="")
    else:
        for number, sample in enumerate(samples):
            save(as_image(sample), out / f"{number:05d}.png")
    save(picture(samples, model.columns), out / GRID)
    print(f"{n} samples and {GRID} are in {out}")
