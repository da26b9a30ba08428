"""Order of the images within an epoch: each once, or each class equally often."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

EpochOrder = Callable[[torch.Generator], Tensor]
"""Draws the indices (N,), int64, of an epoch's N samples; the same for the same state of the generator."""


class Shuffled:
    """A permutation of ``size`` images."""

    def __init__(self, size: int) -> None:
        self.size = size

    def __call__(self, rng: torch.Generator) -> Tensor:
        """Return the permutation (size,)."""
        return torch.randperm(self.size, generator=rng)


class Balanced:
    """As many samples as there are images, of which K consecutive ones, K the number of classes, have every class once.

    The samples follow each other in blocks of K, each a permutation of the classes, so in the first n samples no class
    is more than one ahead of another. The images of a class come in random order, and again in another order when all
    of them have been there; of a large class an epoch has only a part. Classes without images do not occur.
    """

    def __init__(self, labels: Sequence[int] | Tensor) -> None:
        numbers = torch.as_tensor(labels, dtype=torch.int64)
        self.size = len(numbers)
        _, counts = numbers.unique(return_counts=True)
        self.members = numbers.argsort(stable=True).split(counts.tolist())

    def __call__(self, rng: torch.Generator) -> Tensor:
        """Return the indices (size,)."""
        classes = len(self.members)
        blocks = -(-self.size // classes)
        # The class at each place: a permutation of all classes in each block.
        places = torch.rand(blocks, classes, generator=rng).argsort(1).flatten()[: self.size]
        order = torch.empty(self.size, dtype=torch.int64)
        by_class = places.argsort(stable=True).split(places.bincount(minlength=classes).tolist())
        for members, positions in zip(self.members, by_class, strict=True):
            rounds = -(-len(positions) // len(members))
            drawn = [members[torch.randperm(len(members), generator=rng)] for _ in range(rounds)]
            order[positions] = torch.cat(drawn)[: len(positions)] if drawn else positions.new_empty(0)
        return order
