"""Convolution whose second derivatives are convolutions again, instead of torch's general double backward."""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d, conv_transpose2d

from ganexp.numerics.gradients import autocast_dtype

Size = tuple[int, int]
Gradients = tuple[Tensor | None, Tensor | None, None, None]
GradientsOfCorrelation = tuple[Tensor | None, Tensor | None, None, None, None]


class TwiceDifferentiableConv2d(nn.Conv2d):
    """`torch.nn.Conv2d` at stride 1 with zero padding, of which all derivatives are convolutions.

    Parameters, initialization and values are those of torch's layer. The gradient with respect to the maps is a
    transposed convolution, that with respect to the weight a correlation of the maps with the output's gradient, and
    the gradients of these two are again two of the three operations. torch's own double backward has a convolution with
    a kernel of the maps' size for each group. On a CPU, where that is as fast, torch's is used unless ``on_cpu``.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int | Size,
        padding: int | Size = 0,
        groups: int = 1,
        bias: bool = True,
        on_cpu: bool = False,
    ) -> None:
        super().__init__(in_channels, out_channels, kernel_size, padding=padding, groups=groups, bias=bias)
        self.on_cpu = on_cpu
        self.zeros: Size = (padding, padding) if isinstance(padding, int) else padding

    def forward(self, input: Tensor) -> Tensor:
        """Return maps (N, out_channels, H', W') from maps (N, in_channels, H, W), in autocast's dtype if it is on."""
        if not torch.is_grad_enabled() or (input.device.type == "cpu" and not self.on_cpu):
            return super().forward(input)
        output = convolution(input, self.weight, self.zeros, self.groups)
        return output if self.bias is None else output + self.bias.to(output.dtype)[:, None, None]


def convolution(maps: Tensor, weight: Tensor, padding: Size = (0, 0), groups: int = 1) -> Tensor:
    """Return maps (N, K, H', W') from maps (N, C, H, W) and a weight (K, C / groups, h, w), at stride 1.

    Under autocast both are converted to its dtype, as by `torch.nn.functional.conv2d`; the derivatives then have that
    dtype wherever they are computed.
    """
    lowered = autocast_dtype(maps.device)
    if lowered is not None:
        maps, weight = maps.to(lowered), weight.to(lowered)
    output: Tensor = _Convolution.apply(maps, _no_leaf(weight), padding, groups)
    return output


def _no_leaf(weight: Tensor) -> Tensor:
    """Return a view of a weight, because autograd does not tell of a leaf whether its gradient is wanted."""
    return weight.view_as(weight)


def _wanted(ctx: Any) -> tuple[bool, bool]:
    """Return whether the gradients of the maps and of the weight are wanted: a penalty wants those of images alone."""
    for_maps, for_weight, *_ = ctx.needs_input_grad
    weight_node, _ = ctx.next_functions[1]
    return for_maps, for_weight and torch._C._will_engine_execute_node(weight_node)


class _Convolution(torch.autograd.Function):
    """Maps (N, C, H, W) and a weight (K, C / groups, h, w) to maps (N, K, H', W')."""

    @staticmethod
    def forward(ctx: Any, maps: Tensor, weight: Tensor, padding: Size, groups: int) -> Tensor:
        ctx.save_for_backward(maps, weight)
        ctx.padding, ctx.groups = padding, groups
        with torch.autocast(maps.device.type, enabled=False):
            return conv2d(maps, weight, None, 1, padding, 1, groups)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Gradients:
        maps, weight = ctx.saved_tensors
        for_maps, for_weight = _wanted(ctx)
        return (
            _Transposed.apply(gradient, weight, ctx.padding, ctx.groups) if for_maps else None,
            _Correlation.apply(gradient, maps, weight.shape, ctx.padding, ctx.groups) if for_weight else None,
            None,
            None,
        )


class _Transposed(torch.autograd.Function):
    """Maps (N, K, H', W') and a weight (K, C / groups, h, w) to maps (N, C, H, W): the adjoint of the convolution."""

    @staticmethod
    def forward(ctx: Any, maps: Tensor, weight: Tensor, padding: Size, groups: int) -> Tensor:
        ctx.save_for_backward(maps, weight)
        ctx.padding, ctx.groups = padding, groups
        with torch.autocast(maps.device.type, enabled=False):
            return conv_transpose2d(maps, weight, None, 1, padding, 0, groups)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Gradients:
        maps, weight = ctx.saved_tensors
        for_maps, for_weight = _wanted(ctx)
        return (
            _Convolution.apply(gradient, weight, ctx.padding, ctx.groups) if for_maps else None,
            _Correlation.apply(maps, gradient, weight.shape, ctx.padding, ctx.groups) if for_weight else None,
            None,
            None,
        )


class _Correlation(torch.autograd.Function):
    """Maps (N, K, H', W') and maps (N, C, H, W) to a weight (K, C / groups, h, w): the adjoint in the weight."""

    @staticmethod
    def forward(ctx: Any, outer: Tensor, inner: Tensor, shape: torch.Size, padding: Size, groups: int) -> Tensor:
        ctx.save_for_backward(outer, inner)
        ctx.padding, ctx.groups = padding, groups
        # Only the shape of the weight is used.
        weight = inner.new_empty(shape)
        wanted = [False, True, False]
        output: Tensor = torch.ops.aten.convolution_backward(
            outer, inner, weight, None, [1, 1], list(padding), [1, 1], False, [0, 0], groups, wanted
        )[1]
        return output

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> GradientsOfCorrelation:
        outer, inner = ctx.saved_tensors
        for_outer, for_inner, *_ = ctx.needs_input_grad
        weight = _no_leaf(gradient)
        return (
            _Convolution.apply(inner, weight, ctx.padding, ctx.groups) if for_outer else None,
            _Transposed.apply(outer, weight, ctx.padding, ctx.groups) if for_inner else None,
            None,
            None,
            None,
        )
