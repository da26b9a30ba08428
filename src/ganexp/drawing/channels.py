"""Images of any number of channels as colours that a screen can show."""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.functional import pad

RGB = 3
SQUARE = 8
"""Side of the squares behind transparent images, in pixels."""
LIGHT, DARK = 1.0, 0.6


def as_rgb(images: Tensor) -> Tensor:
    """Return images (N, C, H, W) in [-1, 1] as RGB (N, 3, H, W'), float32.

    One channel is grey. Of two, the first is red and the second green. Four are RGBA, put on a checkerboard. The
    channels of others are grey pictures beside each other, W' = C * W.
    """
    images = images.float()
    channels = images.shape[1]
    if channels == RGB:
        return images
    if channels == 1:
        return images.expand(-1, RGB, -1, -1)
    if channels == 2:
        return torch.cat([images, torch.full_like(images[:, :1], -1)], 1)
    if channels == RGB + 1:
        return on_checkerboard(images)
    return images.transpose(1, 2).flatten(2)[:, None].expand(-1, RGB, -1, -1)


def of_one_shape(batches: Sequence[Tensor]) -> list[Tensor]:
    """Return batches (N, C, H, W) unchanged if they have equal channels, else as RGB, white beside narrower ones."""
    if len({batch.shape[1] for batch in batches}) == 1:
        return list(batches)
    shown = [as_rgb(batch) for batch in batches]
    width = max(batch.shape[3] for batch in shown)
    return [pad(batch, (0, width - batch.shape[3]), value=1.0) for batch in shown]


def description(channels: int) -> str | None:
    """Return what `as_rgb` shows of images of so many channels; None where it needs no words."""
    if channels == 2:
        return "red: channel 1, green: channel 2"
    if channels > RGB + 1:
        return f"from left to right: channels 1 to {channels}"
    return None


def on_checkerboard(images: Tensor) -> Tensor:
    """Return RGBA images (N, 4, H, W) in [-1, 1] on a grey checkerboard, as image editors show transparency."""
    height, width = images.shape[-2:]
    rows, columns = (torch.arange(side, device=images.device) // SQUARE for side in (height, width))
    board = torch.where((rows[:, None] + columns) % 2 == 0, LIGHT, DARK)
    alpha = (images[:, RGB:].clamp(-1, 1) + 1) / 2
    return images[:, :RGB] * alpha + board * (1 - alpha)
