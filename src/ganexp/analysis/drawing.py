"""Drawing helpers shared by several analyses."""

from collections.abc import Sequence
from pathlib import Path

import torch
from matplotlib.figure import Figure
from PIL import Image
from torch import Tensor

from ganexp.drawing.pictures import grid

FRAME_MILLISECONDS = 80


def save_figure(figure: Figure, path: Path) -> None:
    """Write a figure as PNG, atomically through a temporary file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.tmp")
    figure.savefig(unfinished, format="png", dpi=100)
    unfinished.replace(path)


def save_animation(frames: Sequence[Image.Image], path: Path) -> None:
    """Write pictures as an endlessly looping animation, in the format of the path's suffix."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".tmp.{path.name}")
    # Formats other than WebP ignore `lossless`.
    frames[0].save(
        unfinished,
        save_all=True,
        append_images=frames[1:],
        duration=FRAME_MILLISECONDS,
        loop=0,
        lossless=True,
    )
    unfinished.replace(path)


def rows(images: Sequence[Tensor]) -> Image.Image:
    """Draw a grid with one row for each tensor of images (T, C, H, W) in [-1, 1]; T is the same for all."""
    return grid(torch.cat(list(images)), len(images[0]))


def forwards_and_backwards(frames: Sequence[Image.Image]) -> list[Image.Image]:
    """Return the frames forwards and then backwards, so that an endless loop has no jump."""
    return [*frames, *frames[-2:0:-1]]
