"""Resampling and padding whose gradients are summed in a fixed order on a GPU.

The CUDA kernels behind torch's own operations add gradients atomically, so two runs differ, and under
`torch.use_deterministic_algorithms` they raise. The functions here express the same arithmetic by slices,
concatenations and gathers, all of which torch differentiates in a fixed order, any number of times.
"""

from typing import Literal

import torch
from torch import Tensor


def required(tensor: Tensor) -> bool:
    """Return whether the deterministic form is required: deterministic algorithms are on, the tensor not on a CPU.

    On a CPU torch's own kernels sum in a fixed order.
    """
    return torch.are_deterministic_algorithms_enabled() and tensor.device.type != "cpu"


def halved(maps: Tensor) -> Tensor:
    """Return maps (N, C, H / 2, W / 2) of maps (N, C, H, W) of even height and width.

    Equal to antialiased bilinear interpolation: weights 1, 3, 3, 1 along each axis, and 3, 3, 1 at an edge.
    """
    wide = _promote_to_float32(maps)
    return _halved_width(_halved_width(wide).mT).mT.to(maps.dtype)


def doubled(maps: Tensor) -> Tensor:
    """Return maps (N, C, 2H, 2W) of maps (N, C, H, W) by bilinear interpolation: weights 3 and 1 along each axis."""
    wide = _promote_to_float32(maps)
    return _doubled_width(_doubled_width(wide).mT).mT.to(maps.dtype)


def reflection_padded(maps: Tensor, left: int, right: int, top: int, bottom: int) -> Tensor:
    """Return maps (N, C, top + H + bottom, left + W + right) of maps (N, C, H, W), mirrored about the edge pixels."""
    return _mirrored_width(_mirrored_width(maps, left, right).mT, top, bottom).mT


def bilinear_samples(images: Tensor, grid: Tensor, padding: Literal["zeros", "reflection"] = "reflection") -> Tensor:
    """Return values (N, C, h, w) of images (N, C, H, W) at the positions (x, y) of grid (N, h, w, 2).

    -1 and 1 are the image's edges (`align_corners=False`), beyond which it is mirrored or zero, as in
    `torch.nn.functional.grid_sample(mode="bilinear", padding_mode=padding)`.
    """
    height, width = images.shape[2:]
    position = _reflected if padding == "reflection" else _in_pixels
    x, y = position(grid[..., 0], width), position(grid[..., 1], height)
    left, top = x.detach().floor(), y.detach().floor()
    x_share, y_share = x - left, y - top
    columns, rows = [left.long(), left.long() + 1], [top.long(), top.long() + 1]
    by_column = [share * _inside(column, width) for share, column in zip((1 - x_share, x_share), columns, strict=True)]
    by_row = [share * _inside(row, height) for share, row in zip((1 - y_share, y_share), rows, strict=True)]
    columns, rows = [c.clamp(0, width - 1) for c in columns], [r.clamp(0, height - 1) for r in rows]
    corners = torch.stack([row * width + column for row in rows for column in columns], 1).flatten(1)
    shares = [row_share * column_share for row_share in by_row for column_share in by_column]
    index = corners[:, None].expand(-1, images.shape[1], -1)
    values = images.flatten(2).gather(2, index).unflatten(2, (4, *grid.shape[1:3]))
    output: Tensor = (values * torch.stack(shares, 1)[:, None]).sum(2)
    return output


def _promote_to_float32(maps: Tensor) -> Tensor:
    return maps.float() if maps.dtype in (torch.float16, torch.bfloat16) else maps


def _halved_width(maps: Tensor) -> Tensor:
    even, odd = maps[..., 0::2], maps[..., 1::2]
    zero = torch.zeros_like(even[..., :1])
    before, after = torch.cat([zero, odd[..., :-1]], -1), torch.cat([even[..., 1:], zero], -1)
    # Weights beyond the edge are left out, and the others are normalized to sum to 1.
    sums = torch.full((even.shape[-1],), 8, dtype=maps.dtype, device=maps.device)
    sums[:1] -= 1
    sums[-1:] -= 1
    return (3 * (even + odd) + before + after) / sums


def _doubled_width(maps: Tensor) -> Tensor:
    before = torch.cat([maps[..., :1], maps[..., :-1]], -1)
    after = torch.cat([maps[..., 1:], maps[..., -1:]], -1)
    return torch.stack([0.75 * maps + 0.25 * before, 0.75 * maps + 0.25 * after], -1).flatten(-2)


def _mirrored_width(maps: Tensor, left: int, right: int) -> Tensor:
    width = maps.shape[-1]
    before = maps[..., 1 : left + 1].flip(-1)
    after = maps[..., width - 1 - right : width - 1].flip(-1)
    return torch.cat([before, maps, after], -1)


def _in_pixels(position: Tensor, size: int) -> Tensor:
    # The first pixel's centre at 0 and the edges at -1/2 and size - 1/2.
    return ((position + 1) * size - 1) / 2


def _inside(index: Tensor, size: int) -> Tensor:
    return (index >= 0) & (index < size)


def _reflected(position: Tensor, size: int) -> Tensor:
    distance = (_in_pixels(position, size) + 0.5).abs()
    turns = (distance.detach() / size).floor()
    rest = distance - turns * size
    inside = torch.where(turns % 2 == 0, rest, size - rest) - 0.5
    return inside.clamp(0, size - 1)
