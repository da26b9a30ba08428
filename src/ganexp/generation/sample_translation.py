"""Sampling from an image-to-image model: translations of the data's test images."""

from pathlib import Path

from ganexp.config.build import build
from ganexp.drawing.named_grid import grid_of_columns
from ganexp.drawing.pictures import save
from ganexp.generation.image_files import ImageFiles
from ganexp.generation.sample import GRID
from ganexp.runs.model import load_model
from ganexp.runs.run import Run
from ganexp.runs.value_range import value_range_of


def write_translations(run: Run, n: int, out: Path) -> None:
    """Write the first ``n`` translated test images as NNNNN.png, and grid.png with their inputs and targets."""
    files = ImageFiles(value_range_of(run))
    model, data = load_model(run), build(run.config.data)
    data.prepare_data()
    data.setup("fit")
    examples = data.examples(n)
    translated = model.translate(examples["input"], numbers=examples["number"]).cpu()
    for number, image in enumerate(translated):
        files(image, out, f"{number:05d}")
    save(grid_of_columns(model.grid(examples), model.shown), out / GRID)
    print(f"{len(translated)} translated test images and {GRID} are in {out}")
