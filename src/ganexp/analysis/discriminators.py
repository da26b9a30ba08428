"""Discriminators, trained or untrained, and the images that they are evaluated on."""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from ganexp.data.values import to_signed_unit
from ganexp.layers.standing_statistics import batch_norms
from ganexp.metrics.reference import RealImages
from ganexp.numerics.randomness import BLOCK
from ganexp.numerics.randomness import generator as rng

RunDiscriminator = Callable[[Tensor, Tensor | None], Any]
"""Runs a discriminator on images (N, C, H, W) in [-1, 1], and on their labels (N,) if it takes any."""


class Opponent(NamedTuple):
    """A discriminator and how to run it."""

    network: nn.Module
    run: RunDiscriminator


class Examples(NamedTuple):
    """Images (N, C, H, W) in [-1, 1], and their labels (N,) or None."""

    images: Tensor
    labels: Tensor | None

    def batches(self) -> Iterator["Examples"]:
        """Yield them in batches of ``BLOCK``."""
        for positions in torch.arange(len(self.images)).split(BLOCK):
            yield Examples(self.images[positions], None if self.labels is None else self.labels[positions])


def examples(real: RealImages, most: int, seed: int = 0) -> Examples:
    """Return a random choice of at most ``most`` real images."""
    chosen = torch.randperm(real.count, generator=rng(seed, "examples"))[:most].sort().values
    items = real.items(chosen)
    return Examples(to_signed_unit(items["image"]), items.get("label"))


@torch.no_grad()
def discriminator_outputs(run: RunDiscriminator, images: Examples) -> Tensor:
    """Return the discriminator's outputs (N,), float32 on the CPU."""
    return torch.cat([run(*batch).float().cpu().flatten() for batch in images.batches()])


@torch.no_grad()
def recalibrate_batch_norms(opponent: Opponent, images: Examples) -> Opponent:
    """Return the discriminator with its batch norms' running statistics replaced by those of the images."""
    norms = batch_norms(opponent.network)
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # a cumulative average, in which all batches have the same weight
        norm.train()
    if norms:
        for batch in images.batches():
            opponent.run(*batch)
    opponent.network.eval()
    return opponent
