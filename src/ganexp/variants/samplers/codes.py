"""Sampling from a generator whose noise has codes: of chosen categories, and along a continuous code."""

from collections.abc import Sequence
from typing import Unpack

import torch
from torch import Tensor

from ganexp.noise import REACH, Codes
from ganexp.numerics.randomness import blocks
from ganexp.variants.samplers.base import Sampler, SamplerSettings, clamped


class CodeSampler(Sampler):
    """Draws images from a generator of noise (N, latent) whose first columns are codes."""

    def __init__(self, codes: Codes, **sampler: Unpack[SamplerSettings]) -> None:
        super().__init__(**sampler)
        self.codes = codes

    def sample(self, n: int, seed: int, labels: Sequence[int] | None = None) -> Tensor:
        """Return samples 0 to n - 1 (n, C, H, W); raises ValueError if labels are given."""
        if labels is not None:
            raise ValueError(
                "labels: this model was trained without labels; its own categories are codes, such as codes=[0,1]"
            )
        return super().sample(n, seed)

    def truncate(self, threshold: float) -> None:
        """Raise ValueError: codes have no tails to cut off."""
        raise ValueError(f"truncation={threshold}: this model's noise has codes, which have no tails; leave it out")

    def of_categories(self, n: int, seed: int, categories: Sequence[int]) -> Tensor:
        """Return samples 0 to n - 1 (n, C, H, W), but of these categories, repeated as often as necessary.

        Raises ValueError naming categories outside of [0, categories).
        """
        wrong = [category for category in categories if not 0 <= category < self.codes.categories]
        if wrong or not categories:
            raise ValueError(f"codes={wrong}: this model has the categories 0 to {self.codes.categories - 1}")
        repeated = torch.tensor(list(categories)).repeat(n)[:n]
        noise = [self.codes.with_category(self.numbered_noise(block, seed), repeated[block]) for block in blocks(n)]
        return clamped(torch.cat([self.generate(part) for part in noise]))

    def grid(self, rows: int, columns: int, seed: int) -> Tensor:
        """Return images (rows * columns, C, H, W): a category in each row, the first continuous code rising along it.

        All else is the noise of sample 0. Without a continuous code, each column has the noise of another sample.
        """
        noise = self.numbered_noise(torch.arange(columns), seed)
        if self.codes.continuous:
            noise = self.codes.with_number(noise[:1].expand(columns, -1), torch.linspace(-REACH, REACH, columns), 0)
        category = torch.arange(rows).repeat_interleave(columns)
        return clamped(self.generate(self.codes.with_category(noise.repeat(rows, 1), category)))
