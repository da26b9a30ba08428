"""Inputs of a turn beside its batch: random numbers, decisions and scalars of the host, tensors of the turn before.

A loss that takes all its inputs from here can be captured in a CUDA graph: what else Python computes in a turn is not
computed again when the graph is replayed.
"""

from collections.abc import Callable, Hashable
from typing import Any, TypeVar

import torch
from torch import Tensor

from ganexp.numerics import randomness

Decision = TypeVar("Decision", bound=Hashable)


class TurnInputs:
    """The inputs of a game that runs eagerly: each is computed when it is asked for.

    ``game`` is an `AdversarialModule`.
    """

    def __init__(self, game: Any) -> None:
        self.game = game
        self.handed_over: dict[str, Tensor] = {}

    def generator(self, purpose: str) -> torch.Generator:
        """Return the generator of this batch's random numbers for a purpose, on the game's device."""
        return randomness.generator(self.game.seed, purpose, self.game.batches_seen, self.game.device)

    def decide(self, name: str, decision: Callable[[], Decision]) -> Decision:
        """Return a decision of the host on what the turn computes, such as whether a lazy penalty is due."""
        return decision()

    def scalar(self, name: str, value: Callable[[], float]) -> float | Tensor:
        """Return a number that changes from turn to turn, such as a penalty's weight, by which tensors are scaled."""
        return value()

    def hand_over(self, name: str, tensor: Tensor) -> None:
        """Keep a tensor for `take` later in the same batch, also in the other player's turn."""
        self.handed_over[name] = tensor

    def take(self, name: str) -> Tensor:
        """Return the tensor that was handed over under the name."""
        return self.handed_over.pop(name)

    def require_eager(self, what: str) -> None:
        """Raise NotCapturable while a turn is being captured, since ``what`` would be a constant in the graph."""


class HostCounter:
    """An attribute of a game that counts on the host, which a captured turn must not read; ``what`` describes it."""

    def __init__(self, what: str) -> None:
        self.what = what

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    def __get__(self, game: Any, owner: type | None = None) -> int:
        """Return the count; raises NotCapturable while a turn is being captured."""
        game.inputs.require_eager(self.what)
        count: int = game.__dict__[self.name]
        return count

    def __set__(self, game: Any, count: int) -> None:
        game.__dict__[self.name] = count
