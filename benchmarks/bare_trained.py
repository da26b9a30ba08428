"""What the bare loops of games with several networks share: a network with its optimizer and moving average."""

import copy
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

Step = Callable[[Tensor], None]
"""Trains on a batch of real images (N, C, H, W)."""


def moving_average(network: nn.Module, decay: float) -> Callable[[], None]:
    """Return a function that updates a moving average of a network's weights and copies its buffers."""
    average = copy.deepcopy(network)
    averaged, current = list(average.parameters()), list(network.parameters())
    copied, buffers = list(average.buffers()), list(network.buffers())

    @torch.no_grad()
    def update() -> None:
        torch._foreach_lerp_(averaged, current, 1 - decay)
        if copied:
            torch._foreach_copy_(copied, buffers)

    return update


class Trained:
    """A copy of a network with its optimizer and, unless it is left out, its moving average."""

    def __init__(self, network: nn.Module, optimizer: Callable[..., Optimizer], decay: float | None) -> None:
        self.network: Any = copy.deepcopy(network).train()
        self.optimizer = optimizer(self.network.parameters())
        self.update = (lambda: None) if decay is None else moving_average(self.network, decay)

    def minimize(self, loss: Tensor, averages: bool = True) -> None:
        """Take one step on a loss and, unless another follows in the same turn, update the moving average."""
        loss.backward()
        self.optimizer.step()
        self.optimizer.zero_grad()
        if averages:
            self.update()


def random_labels(game: Any, n: int) -> list[Tensor]:
    """Return the labels (n,) of random classes as the only item, no item for a game without classes."""
    classes = getattr(game, "num_classes", None)
    return [] if classes is None else [torch.randint(classes, (n,), device=game.device)]
