"""Inputs of turns that are captured in CUDA graphs: their addresses are fixed, their values are set for each replay."""

from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from ganexp.game.turn_inputs import Decision, TurnInputs
from ganexp.numerics import randomness


class NotCapturable(Exception):
    """A turn cannot be captured in a CUDA graph; the message says why."""


@dataclass
class Requests:
    """What a turn has asked for: random numbers in their order, scalars and decisions."""

    purposes: list[str] = field(default_factory=list)
    scalars: dict[str, Callable[[], float]] = field(default_factory=dict)
    decisions: dict[str, Callable[[], Hashable]] = field(default_factory=dict)


class ObservedInputs(TurnInputs):
    """The inputs of eager turns in a game some of whose turns are captured.

    ``requests`` are those of the present turn. Tensors are handed over in buffers, one for each shape, whose addresses
    never change.
    """

    def __init__(self, game: Any) -> None:
        super().__init__(game)
        self.requests = Requests()
        self.buffers: dict[tuple[str, torch.Size, torch.dtype], Tensor] = {}

    def generator(self, purpose: str) -> torch.Generator:
        """Return the generator of this batch's random numbers for a purpose, on the game's device."""
        self.requests.purposes.append(purpose)
        return super().generator(purpose)

    def decide(self, name: str, decision: Callable[[], Decision]) -> Decision:
        """Return a decision of the host on what the turn computes."""
        self.requests.decisions[name] = decision
        return super().decide(name, decision)

    def scalar(self, name: str, value: Callable[[], float]) -> float | Tensor:
        """Return a number that changes from turn to turn."""
        self.requests.scalars[name] = value
        return super().scalar(name, value)

    def hand_over(self, name: str, tensor: Tensor) -> None:
        """Copy a tensor into the buffer of its name and shape."""
        key = name, tensor.shape, tensor.dtype
        if key not in self.buffers:
            self.buffers[key] = torch.empty_like(tensor)
        self.handed_over[name] = self.buffers[key].copy_(tensor)

    def take(self, name: str) -> Tensor:
        """Return the buffer that the tensor was copied into."""
        return self.handed_over[name]


class CapturedInputs(TurnInputs):
    """The inputs of one captured turn, which may ask for what an eager turn before it has asked for."""

    def __init__(self, observed: ObservedInputs, requests: Requests) -> None:
        super().__init__(observed.game)
        self.observed = observed
        self.requests = requests
        device = observed.game.device
        self.generators = [torch.Generator(device) for _ in requests.purposes]
        self.scalars = {name: torch.zeros((), dtype=torch.float64, device=device) for name in requests.scalars}
        self._next = 0
        self._deciding = False

    def fill(self) -> None:
        """Set the random seeds and the scalars for the next replay, and note what it will hand over."""
        for purpose, generator in zip(self.requests.purposes, self.generators, strict=True):
            generator.manual_seed(randomness.derived_seed(self.game.seed, purpose, self.game.batches_seen))
        for name, value in self.requests.scalars.items():
            self.scalars[name].fill_(value())
        self.observed.handed_over.update(self.handed_over)

    def generator(self, purpose: str) -> torch.Generator:
        """Return the generator that is seeded for the purpose before each replay."""
        if purpose not in self.requests.purposes[self._next : self._next + 1]:
            raise NotCapturable(f"it does not draw the same random numbers in each turn ({purpose})")
        self._next += 1
        return self.generators[self._next - 1]

    def decide(self, name: str, decision: Callable[[], Decision]) -> Decision:
        """Return a decision of the host, for each combination of which there is a graph."""
        if name not in self.requests.decisions:
            raise NotCapturable(f"it decides on something new: {name}")
        self._deciding = True
        try:
            return decision()
        finally:
            self._deciding = False

    def scalar(self, name: str, value: Callable[[], float]) -> float | Tensor:
        """Return the number as a tensor () in float64, filled before each replay."""
        if name not in self.scalars:
            raise NotCapturable(f"it does not use the same numbers in each turn ({name})")
        return self.scalars[name]

    def hand_over(self, name: str, tensor: Tensor) -> None:
        """Copy a tensor into the buffer that an earlier turn has made."""
        buffer = self.observed.buffers.get((name, tensor.shape, tensor.dtype))
        if buffer is None:
            raise NotCapturable(f"it does not hand over the same tensors in each turn ({name})")
        self.handed_over[name] = buffer.copy_(tensor)

    def take(self, name: str) -> Tensor:
        """Return the buffer of a tensor handed over."""
        return self.handed_over[name] if name in self.handed_over else self.observed.take(name)

    def require_eager(self, what: str) -> None:
        """Raise NotCapturable unless the host decides."""
        if not self._deciding:
            raise NotCapturable(f"its loss reads {what}")
