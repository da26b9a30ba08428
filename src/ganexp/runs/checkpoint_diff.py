"""Numerical differences between two checkpoints."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

LIGHTNING_COUNTERS = ("loops", "pytorch-lightning_version", "epoch", "global_step")
"""Keys of Lightning's version and counters, which count batches since the last start; ganexp counts images."""
CLOCK = "seconds"


@dataclass(frozen=True)
class Difference:
    """A tensor or number, by its dotted path in the checkpoint, and its largest absolute difference."""

    name: str
    size: float


def differences(one: Mapping[str, Any], other: Mapping[str, Any]) -> list[Difference]:
    """Return the differences between two checkpoints, the largest first.

    All weights, averages, counters and states of optimizers, loss scalers and callbacks are compared, but no
    wall-clock times. A tensor of another shape, missing from one of them, or NaN in one of them differs by infinity.
    """
    first, second = (
        dict(leaves({k: v for k, v in node.items() if k not in LIGHTNING_COUNTERS})) for node in (one, other)
    )
    distances = {name: distance(first.get(name), second.get(name)) for name in {**first, **second}}
    return sorted((Difference(name, size) for name, size in distances.items() if size > 0), key=lambda item: -item.size)


def leaves(node: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield (dotted path, value) of every tensor and plain value in nested containers."""
    if isinstance(node, Mapping):
        children: Any = node.items()
    elif isinstance(node, list | tuple):
        children = enumerate(node)
    else:
        if prefix.rpartition(".")[2] != CLOCK:
            yield prefix, node
        return
    for key, value in children:
        yield from leaves(value, f"{prefix}.{key}" if prefix else str(key))


def distance(one: Any, other: Any) -> float:
    """Return the largest absolute difference of two tensors or plain values, infinity if they cannot be compared."""
    if isinstance(one, Tensor) and isinstance(other, Tensor):
        if one.shape != other.shape or one.dtype != other.dtype:
            return math.inf
        if torch.equal(one, other):
            return 0.0
        largest = (one.double() - other.double()).abs().max().item()
        return largest if math.isfinite(largest) else math.inf
    if isinstance(one, Tensor) or isinstance(other, Tensor):
        return math.inf
    if one == other:
        return 0.0
    are_numbers = all(isinstance(value, int | float) for value in (one, other))
    return abs(one - other) if are_numbers and math.isfinite(one - other) else math.inf
