"""Distributions of the generator's input, each a pure function of the random generator's state.

Noise is on the device of the random generator; the caller moves it to other devices.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor, nn

from ganexp.numerics.float64 import has_float64
from ganexp.numerics.randomness import BLOCK
from ganexp.numerics.randomness import generator as rng

Noise = Callable[[tuple[int, ...], torch.Generator], Tensor]


def normal(shape: Sequence[int], generator: torch.Generator) -> Tensor:
    """Return float32 noise of the given shape from N(0, 1)."""
    return torch.randn(tuple(shape), generator=generator, device=generator.device)


def uniform(shape: Sequence[int], generator: torch.Generator) -> Tensor:
    """Return float32 noise of the given shape from the uniform distribution on [-1, 1)."""
    return torch.rand(tuple(shape), generator=generator, device=generator.device) * 2 - 1


def with_codes(shape: Sequence[int], generator: torch.Generator, categories: int, continuous: int) -> Tensor:
    """Return float32 noise (n, latent) whose first columns are codes, as InfoGAN's (arXiv 1606.03657, appendix C.1).

    The first ``categories`` are 1 for a uniformly drawn category and else 0, the next ``continuous`` are uniform in
    [-1, 1), the rest is from N(0, 1).
    """
    n, latent = shape
    device = generator.device
    category = torch.randint(categories, (n, 1), generator=generator, device=device)
    one_hot = (category == torch.arange(categories, device=device)).float()
    return torch.cat(
        [
            one_hot,
            uniform((n, continuous), generator),
            normal((n, latent - categories - continuous), generator),
        ],
        dim=1,
    )


@dataclass(frozen=True)
class Codes:
    """Which columns of noise (N, latent) are codes: first ``categories`` of a category, then the continuous ones."""

    categories: int
    continuous: int

    @property
    def width(self) -> int:
        """The number of columns that are codes."""
        return self.categories + self.continuous

    def with_category(self, noise: Tensor, category: Tensor) -> Tensor:
        """Return noise (N, latent) of categories (N,), otherwise unchanged."""
        chosen = nn.functional.one_hot(category.to(noise.device), self.categories).to(noise)
        return torch.cat([chosen, noise[:, self.categories :]], 1)

    def with_number(self, noise: Tensor, values: Tensor, number: int) -> Tensor:
        """Return noise (N, latent) whose continuous code ``number``, from 0 on, has values (N,)."""
        changed = noise.clone()
        changed[:, self.categories + number] = values.to(noise)
        return changed


REACH = 2.0
"""To either side of 0 continuous codes are shown up to here, twice as far as in training (figure 2)."""


def numbered(noise: Noise, latent: int, numbers: Tensor, seed: int, purpose: str = "sample") -> Tensor:
    """Return the noise (B, latent) of the samples with these numbers (B,), one of `randomness.blocks`."""
    return noise((BLOCK, latent), rng(seed, purpose, int(numbers[0]) // BLOCK))[: len(numbers)]


def truncated_normal(shape: Sequence[int], generator: torch.Generator, threshold: float = 1.0) -> Tensor:
    """Return float32 noise from N(0, 1) given that no number is farther from 0 than the threshold.

    The distribution is that of redrawing each number until it is within the threshold (arXiv 1809.11096, section 3.1).
    """
    device = generator.device
    # In float64 where there is one, so that the inverse of the distribution function has enough numbers in its tails.
    dtype = torch.float64 if has_float64(device) else torch.float32
    drawn = torch.empty(tuple(shape), dtype=dtype, device=device)
    return nn.init.trunc_normal_(drawn, a=-threshold, b=threshold, generator=generator).float()


def is_normal(noise: Noise) -> bool:
    """Return whether the noise is `normal`."""
    return getattr(noise, "func", noise) is normal


def truncated(noise: Noise, threshold: float) -> Noise:
    """Return the noise with its tails beyond the threshold cut off, the truncation trick of arXiv 1809.11096.

    Raises ValueError for a threshold that is not a finite number above 0, and for noise other than `normal`.
    """
    if not (math.isfinite(threshold) and threshold > 0):
        raise ValueError(f"truncation={threshold}: it must be a finite number above 0, for example 0.5")
    if not is_normal(noise):
        raise ValueError(
            f"truncation={threshold}: this model's noise is not normal and has no tails to cut off; leave it out, "
            "or train with model.noise._target_=ganexp.noise.normal"
        )
    return partial(truncated_normal, threshold=threshold)
