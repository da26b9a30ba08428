"""Constraints on a network's parameters, enforced after each of its moves."""

import math
from dataclasses import dataclass

import torch
from torch import nn

from ganexp.errors import UserError


@dataclass(frozen=True)
class WeightClip:
    """Clamps every parameter, a normalization's scale and shift included (arXiv 1701.07875, algorithm 1).

    Frozen parameters, which require no gradient, stay as they are.
    Raises UserError unless the limit is positive and finite.
    """

    limit: float = 0.01

    def __post_init__(self) -> None:
        if not 0 < self.limit < math.inf:
            raise UserError(f"WeightClip: limit={self.limit}: it must be positive and finite, for example 0.01")

    @torch.no_grad()
    def __call__(self, network: nn.Module) -> None:
        """Clamp the network's parameters to [-limit, limit], in place."""
        for parameter in network.parameters():
            if parameter.requires_grad:
                parameter.clamp_(-self.limit, self.limit)
