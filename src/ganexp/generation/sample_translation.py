"""Samples of a model that makes images from images: what becomes of the data's test images."""

from pathlib import Path

from omegaconf import DictConfig

from ganexp.config.build import build
from ganexp.drawing.pictures import as_image, grid, save
from ganexp.generation.sample import GRID, load_model


def write_translations(config: DictConfig, checkpoint: Path, n: int, out: Path) -> None:
    """Write the first ``n`` translated test images as NNNNN.png, and grid.png of what becomes of them."""
    model, data = load_model(config, checkpoint), build(config.data)
    data.prepare_data()
    data.setup("fit")
    examples = data.examples(n)
    translated = model.translate(examples["input"]).cpu()
    for number, image in enumerate(translated):
        save(as_image(image), out / f"{number:05d}.png")
    save(grid(model.grid(examples), model.columns), out / GRID)
    print(f"{len(translated)} translated test images and {GRID} are in {out}")
