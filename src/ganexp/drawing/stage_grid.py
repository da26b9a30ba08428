"""Grids that show what samples are at each stage of a generator that draws them coarse to fine."""

from collections.abc import Sequence

import torch
from PIL import Image
from torch import Tensor
from torch.nn.functional import interpolate

from ganexp.drawing.pictures import grid


def stage_grid(stages: Sequence[Tensor]) -> Image.Image:
    """Draw images (N, C, h, w) in [-1, 1] of each stage as columns, a row for each sample.

    Coarser images are enlarged to the size of the last stage's, pixel by pixel.
    """
    size = stages[-1].shape[-2:]
    enlarged = [interpolate(images, size=tuple(size), mode="nearest") for images in stages]
    return grid(torch.stack(enlarged, 1).flatten(0, 1), columns=len(stages))
