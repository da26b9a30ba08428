"""Two checkpoints side by side: what differs, and by how much."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

NOT_THE_GAME = ("loops", "pytorch-lightning_version", "epoch", "global_step")
"""Lightning's own counters: of batches since a start, where ganexp counts images."""
CLOCK = "seconds"


@dataclass(frozen=True)
class Difference:
    """A tensor or number, by its dotted place in the checkpoint, and by how much it differs at most."""

    name: str
    size: float


def differences(one: Mapping[str, Any], other: Mapping[str, Any]) -> list[Difference]:
    """Return what differs between the games in two checkpoints, the largest difference first.

    All weights, averages, counters and states of optimizers, loss scalers and callbacks are compared, but no times by
    the clock. A tensor of another shape, one that is not in both, or a NaN in one of them differs by infinity.
    """
    mine, others = (dict(leaves({k: v for k, v in each.items() if k not in NOT_THE_GAME})) for each in (one, other))
    found = [Difference(name, distance(mine.get(name), others.get(name))) for name in {**mine, **others}]
    return sorted((each for each in found if each.size > 0), key=lambda each: -each.size)


def leaves(node: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield (dotted place, value) of every tensor and plain value in nested containers."""
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
    """Return the largest absolute difference of two tensors or plain values, infinity where they cannot be compared."""
    if isinstance(one, Tensor) and isinstance(other, Tensor):
        if one.shape != other.shape or one.dtype != other.dtype:
            return math.inf
        if torch.equal(one, other):
            return 0.0
        between = (one.double() - other.double()).abs().max().item()
        return between if math.isfinite(between) else math.inf
    if isinstance(one, Tensor) or isinstance(other, Tensor):
        return math.inf
    if one == other:
        return 0.0
    numbers = all(isinstance(value, int | float) for value in (one, other))
    return abs(one - other) if numbers and math.isfinite(one - other) else math.inf
