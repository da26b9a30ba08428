"""Tensors of a public implementation under the names of a network here."""

from collections.abc import Iterable, Mapping

import torch
from torch import Tensor
from torch.nn.functional import normalize

Tensors = Mapping[str, Tensor]
Pair = tuple[str, str]
"""A module there and its counterpart here."""

ORIGINAL = "parametrizations.weight.original"
LEFT, RIGHT = "parametrizations.weight.0._u", "parametrizations.weight.0._v"


def renamed(tensors: Tensors, pairs: Iterable[Pair]) -> dict[str, Tensor]:
    """Return the tensors of some modules, those of each under the name of its counterpart."""
    names = dict(pairs)
    result = {}
    for name, tensor in tensors.items():
        module, _, part = name.rpartition(".")
        if module in names:
            result[f"{names[module]}.{part}"] = tensor
    return result


def spectrally_normalized(weight: Tensor, left: Tensor) -> dict[str, Tensor]:
    """Return a weight and the vectors of its spectral norm from the left one, (1, outputs), of BigGAN-PyTorch.

    In evaluation both then divide by the same number: the norm of the weight times its right vector (layers.py,
    `power_iteration`).
    """
    matrix = weight.flatten(1)
    right = normalize(left.flatten() @ matrix, dim=0)
    return {ORIGINAL: weight, LEFT: normalize(matrix @ right, dim=0), RIGHT: right}


def transposed(tensors: Tensors) -> dict[str, Tensor]:
    """Return a spectrally normalized weight as that of the transposed matrix."""
    return {ORIGINAL: tensors[ORIGINAL].t(), LEFT: tensors[RIGHT], RIGHT: tensors[LEFT]}


def under(prefix: str, tensors: Tensors) -> dict[str, Tensor]:
    """Return tensors with a prefix before each name."""
    return {f"{prefix}.{name}": tensor for name, tensor in tensors.items()}


def with_halves_exchanged(weight: Tensor) -> Tensor:
    """Return a transposed convolution's weight (inputs, outputs, …) with the halves of its inputs exchanged."""
    first, second = weight.chunk(2)
    return torch.cat([second, first])


def zeros_like_outputs(weight: Tensor) -> Tensor:
    """Return a bias of zero, (outputs,), for a convolution's weight (outputs, …) that has none."""
    return torch.zeros_like(weight.flatten(1)[:, 0])
