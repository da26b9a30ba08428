"""Drawing helpers shared by several analyses."""

from collections.abc import Sequence
from pathlib import Path

import torch
from matplotlib.figure import Figure
from PIL import Image
from torch import Tensor

from ganexp.drawing.pictures import grid
from ganexp.files.atomic import replacing

FRAME_MILLISECONDS = 80


def save_figure(figure: Figure, path: Path) -> None:
    """Write a figure as PNG, atomically."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path, "wb") as file:
        figure.savefig(file, format="png", dpi=100)


def save_animation(frames: Sequence[Image.Image], path: Path) -> None:
    """Write pictures as an endlessly looping animation, in the format of the path's suffix."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path, "wb") as file:
        frames[0].save(
            file,
            format=path.suffix[1:],
            save_all=True,
            append_images=frames[1:],
            duration=FRAME_MILLISECONDS,
            loop=0,
            lossless=True,  # Formats other than WebP ignore it.
        )


def rows(images: Sequence[Tensor]) -> Image.Image:
    """Draw a grid with one row for each tensor of images (T, C, H, W) in [-1, 1]; T is the same for all."""
    return grid(torch.cat(list(images)), len(images[0]))


def forwards_and_backwards(frames: Sequence[Image.Image]) -> list[Image.Image]:
    """Return the frames forwards and then backwards, so that an endless loop has no jump."""
    return [*frames, *frames[-2:0:-1]]
