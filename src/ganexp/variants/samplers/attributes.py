"""Sampling from generators that are conditioned on attributes, such as CelebA's, several of which an image may have."""

from collections.abc import Iterator, Sequence
from typing import Any, Unpack

import torch
from torch import Tensor, nn

from ganexp.numerics.randomness import blocks
from ganexp.numerics.randomness import generator as rng
from ganexp.variants.samplers.base import ConditionalSampler, SamplerSettings, clamped

SETS = 4096
COLUMNS = 8


class AttributeSets(nn.Module):
    """Attributes (SETS, A), 0 or 1, of images chosen at random from the training data; in the checkpoint."""

    rows: Tensor

    def __init__(self, number: int) -> None:
        super().__init__()
        self.register_buffer("rows", torch.zeros(SETS, number, dtype=torch.int8))

    def fill(self, attributes: Tensor, seed: int) -> None:
        """Choose from the attributes (N, A) of all training images; of fewer than SETS images all, repeatedly."""
        order = torch.randperm(len(attributes), generator=rng(seed, "attribute sets"))[:SETS]
        chosen = attributes[order].repeat(-(-SETS // len(order)), 1)[:SETS]
        self.rows.copy_(chosen)


class AttributeSampler(ConditionalSampler):
    """Draws images with given attributes, (N, A) of 0 and 1, by default those of training images."""

    def __init__(self, sets: AttributeSets, **sampler: Unpack[SamplerSettings]) -> None:
        super().__init__(sets.rows.shape[1], **sampler)
        self.sets = sets
        self.columns = COLUMNS

    def sample(self, n: int, seed: int, labels: Sequence[Any] | None = None) -> Tensor:
        """Return samples 0 to n - 1 (n, C, H, W) of the sets of attributes, which are repeated as often as necessary.

        A set has 0 or 1 for each attribute. Without ``labels`` these are the sets of ``columns`` training images.
        Raises ValueError for others.
        """
        sets = self.sets.rows[: self.columns] if labels is None else self._given(labels)
        repeated = sets[torch.arange(n, device=sets.device) % len(sets)]
        samples = [
            self.generate(self.numbered_noise(block, seed), repeated[block.to(sets.device)]) for block in blocks(n)
        ]
        return clamped(torch.cat(samples))

    def numbered_inputs(self, numbers: Tensor, seed: int) -> tuple[Tensor, ...]:
        """Return the noise and the attributes of the samples with these numbers: number k has the set k % SETS."""
        return self.numbered_noise(numbers, seed), self.sets.rows[(numbers % SETS).to(self.sets.rows.device)]

    def current_labels(self, n: int) -> Tensor:
        """Return the attributes (n, A) of the ``current`` samples: every set in turn."""
        return self.sets.rows[torch.arange(n, device=self.sets.rows.device) % SETS]

    def standing_inputs(self) -> Iterator[tuple[Tensor, ...]]:
        """Yield batches of noise and of sets drawn at random."""
        for number, (noise, label) in enumerate(super().standing_inputs()):
            chosen = torch.randint(SETS, (len(label),), generator=rng(self.seed, "standing attributes", number))
            yield noise, self.sets.rows[chosen.to(self.sets.rows.device)].to(noise.device)

    def _given(self, labels: Sequence[Any]) -> Tensor:
        number = self.num_classes
        wrong = [label for label in labels if not isinstance(label, tuple) or len(label) != number]
        if wrong or not labels:
            raise ValueError(f"labels={wrong}: this model has {number} attributes: give sets of them by name")
        return torch.tensor(labels, dtype=torch.int8, device=self.sets.rows.device)
