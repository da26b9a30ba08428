"""Distributions of the generator's input, each a pure function of the random generator's state."""

from collections.abc import Sequence

import torch
from torch import Tensor


def normal(shape: Sequence[int], generator: torch.Generator, device: torch.device | str = "cpu") -> Tensor:
    """Return float32 noise of the given shape from N(0, 1)."""
    # Drawn where the generator lives and moved after, so that every device sees the same numbers.
    return torch.randn(tuple(shape), generator=generator, device=generator.device).to(device)


def uniform(shape: Sequence[int], generator: torch.Generator, device: torch.device | str = "cpu") -> Tensor:
    """Return float32 noise of the given shape from the uniform distribution on [-1, 1)."""
    return torch.rand(tuple(shape), generator=generator, device=generator.device).to(device) * 2 - 1
