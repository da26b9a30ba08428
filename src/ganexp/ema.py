"""The exponential moving average of a network's weights, used for samples and scores."""

import copy

import torch
from torch import nn


class ExponentialMovingAverage(nn.Module):
    """A copy of ``network`` whose parameters follow it slowly.

    After its t-th update (t = 0, 1, …) with ``decay_t = min(decay, (1 + t) / (warmup + t))`` a parameter is
    ``decay_t * average + (1 - decay_t) * current``; ``warmup=0`` uses ``decay`` from the start. Buffers are
    copied, not averaged: spectral normalization's vectors would lose their unit length. The count t is part of
    the state. Weights of a generator averaged this way: arXiv 1806.04498.
    """

    def __init__(self, network: nn.Module, decay: float = 0.999, warmup: int = 10) -> None:
        super().__init__()
        if not 0 <= decay < 1:
            raise ValueError(f"ema.decay={decay}: it must be at least 0 and below 1, for example 0.999")
        if warmup < 0:
            raise ValueError(f"ema.warmup={warmup}: it must be 0 or more updates")
        self.network = copy.deepcopy(network).requires_grad_(False)
        self.decay = decay
        self.warmup = warmup
        self.updates = 0

    def current_decay(self) -> float:
        """Return the decay that the next update will use."""
        if self.warmup == 0:
            return self.decay
        return min(self.decay, (1 + self.updates) / (self.warmup + self.updates))

    @torch.no_grad()
    def update(self, network: nn.Module) -> None:
        """Move the average towards ``network`` by one step."""
        torch._foreach_lerp_(list(self.network.parameters()), list(network.parameters()), 1 - self.current_decay())
        buffers = list(self.network.buffers())
        if buffers:
            torch._foreach_copy_(buffers, list(network.buffers()))
        self.updates += 1

    def get_extra_state(self) -> dict[str, int]:
        """Return the number of updates, for the checkpoint."""
        return {"updates": self.updates}

    def set_extra_state(self, state: dict[str, int]) -> None:
        """Take the number of updates from a checkpoint."""
        self.updates = state["updates"]
