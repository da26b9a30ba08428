"""Bilinear samples of images at the positions of a grid, differentiable in the images any number of times."""

from typing import Any, Literal

import torch
from torch import Tensor
from torch.nn.functional import grid_sample

from ganexp.numerics import deterministic

Padding = Literal["zeros", "reflection"]
MODES: dict[Padding, int] = {"zeros": 0, "reflection": 2}
"""The numbers that torch's kernels have for what is beyond the edges."""


def bilinear_samples(images: Tensor, grid: Tensor, padding: Padding) -> Tensor:
    """Return values (N, C, h, w) of images (N, C, H, W) at the positions (x, y) of a constant grid (N, h, w, 2).

    -1 and 1 are the edges of an image (`align_corners=False`), beyond which it is zero or mirrored. Before torch 2.12
    `torch.nn.functional.grid_sample` had no second derivative.
    """
    if deterministic.required(images):
        return deterministic.bilinear_samples(images, grid, padding)
    output: Tensor = _Sampled.apply(images, grid, padding)
    return output


class _Sampled(torch.autograd.Function):
    """Images (N, C, H, W) to samples (N, C, h, w)."""

    @staticmethod
    def forward(ctx: Any, images: Tensor, grid: Tensor, padding: Padding) -> Tensor:
        ctx.save_for_backward(grid)
        ctx.shape, ctx.padding = images.shape, padding
        return grid_sample(images, grid, mode="bilinear", padding_mode=padding, align_corners=False)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:
        (grid,) = ctx.saved_tensors
        return _Distributed.apply(gradient, grid, ctx.shape, ctx.padding), None, None


class _Distributed(torch.autograd.Function):
    """Samples (N, C, h, w) to images (N, C, H, W): the adjoint of sampling."""

    @staticmethod
    def forward(ctx: Any, samples: Tensor, grid: Tensor, shape: torch.Size, padding: Padding) -> Tensor:
        ctx.save_for_backward(grid)
        ctx.padding = padding
        # Only the shape of the images is used.
        images = samples.new_zeros(shape)
        output: Tensor = torch.ops.aten.grid_sampler_2d_backward(
            samples.contiguous(), images, grid, 0, MODES[padding], False, [True, False]
        )[0]
        return output

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None, None]:
        (grid,) = ctx.saved_tensors
        return _Sampled.apply(gradient, grid, ctx.padding), None, None, None
