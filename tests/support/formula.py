"""Weights, inputs and labels that are formulas of their place, so that figures of a forward pass need no weights.

A hash of integers, the same on every machine, spreads over [-1, 1) without the low rank that a sine of the place has.
"""

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from ganexp.layers.equalized import Scaled

INPUT = 1_000_003
"""The index of the inputs, which no parameter has."""
NOISE = 2_000_003
"""The index of constant noise."""


def uniform(count: int, index: int) -> Tensor:
    """Return the numbers u_k in [-1, 1) of the places k = 0 … count - 1 of the tensor ``index``, float64 (count,)."""
    x = (torch.arange(1, count + 1) * 0x9E3779B1 + (index + 1) * 0x85EBCA77) & 0xFFFFFFFF
    for _ in range(2):
        x = ((x ^ (x >> 16)) * 0x45D9F3B) & 0xFFFFFFFF
    x ^= x >> 16
    return x.double() / 2**31 - 1


@torch.no_grad()
def fill(module: nn.Module) -> nn.Module:
    """Return the module in float64 with every parameter and buffer set by the formula, in place.

    The parameter at position i of ``named_parameters()`` has, with u = ``uniform(numel, i)`` in its own shape,
    two or more dimensions: u·√3·√(2/f), a variance of 2/f, with f the product of all dimensions but the first;
    one dimension, name ending in ``weight``: 1 + 0.1·u; any other of one dimension: 0.1·u; none: 0.5 + 0.1·u.
    Running statistics are 0 and 1 again. In layers with an equalized learning rate the scaled weights have these
    values, so the stored ones are divided by the scale. The vectors of spectral norms are the leading singular vectors
    of their weights, where power iteration ends, so that the norm is exact and a further iteration changes nothing.
    Constant noise, a buffer named ``noise``, is u.
    """
    module.double()
    for index, (name, parameter) in enumerate(module.named_parameters()):
        parameter.copy_(_values(name, parameter.shape, uniform(parameter.numel(), index).view(parameter.shape)))
    for name, buffer in module.named_buffers():
        if name.rpartition(".")[2] == "noise":
            buffer.copy_(uniform(buffer.numel(), NOISE).view(buffer.shape))
    for part in module.modules():
        if hasattr(part, "reset_running_stats"):
            part.reset_running_stats()
        if isinstance(part, nn.utils.parametrize.ParametrizationList):
            _converge(part)
            _divide_by_scale(part)
    return module


def formula_input(shape: Sequence[int], index: int = 0) -> Tensor:
    """Return an input of a shape with values in [-1, 1), float64; ``index`` is its place among a network's inputs."""
    return uniform(math.prod(shape), INPUT + index).view(*shape)


def formula_labels(count: int, classes: int) -> Tensor:
    """Return the labels (7k + 3) mod classes of the places k = 0 … count - 1, int64 (count,)."""
    return (7 * torch.arange(count) + 3) % classes


def strided(values: Tensor, count: int = 8) -> list[float]:
    """Return the values at the places k·numel/count, rounded down, of a flattened tensor."""
    places = torch.arange(count) * values.numel() // count
    return [float(value) for value in values.detach().flatten()[places]]


def figures(*outputs: Tensor) -> dict[str, float | list[float]]:
    """Return mean, standard deviation (of the population) and eight strided values of all outputs, flattened."""
    values = torch.cat([output.detach().double().flatten() for output in outputs])
    return {"mean": float(values.mean()), "std": float(values.std(correction=0)), "values": strided(values)}


def _values(name: str, shape: torch.Size, u: Tensor) -> Tensor:
    if len(shape) > 1:
        return u * math.sqrt(3 * 2 / math.prod(shape[1:]))
    if len(shape) == 1:
        return 1 + 0.1 * u if name.endswith("weight") else 0.1 * u
    return 0.5 + 0.1 * u


def _divide_by_scale(parametrizations: nn.Module) -> None:
    """Divide the stored tensor of an equalized layer by the constant that it is multiplied by."""
    for parametrization in parametrizations:  # type: ignore[attr-defined]
        if isinstance(parametrization, Scaled):
            parametrizations.original.div_(parametrization.factor)  # type: ignore[operator,union-attr]


def _converge(parametrizations: nn.Module) -> None:
    """Set the vectors of a spectral norm to the leading singular vectors of its weight."""
    for norm in parametrizations:  # type: ignore[attr-defined]
        if hasattr(norm, "_u"):
            left, _, right = torch.linalg.svd(norm._reshape_weight_to_matrix(parametrizations.original), False)
            norm._u.copy_(left[:, 0])
            norm._v.copy_(right[0])
