"""Sampling from a trained generator to image files."""

from pathlib import Path
from typing import Any

import numpy as np

from ganexp.drawing.pictures import are_points, as_image, picture, save
from ganexp.errors import UserError
from ganexp.numerics.flags import full_precision

GRID = "grid.png"


@full_precision()
def write_samples(model: Any, n: int, seed: int, labels: list[int] | None, out: Path) -> None:
    """Write ``n`` images as NNNNN.png, or points as points.csv, and a grid.png of all samples."""
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
