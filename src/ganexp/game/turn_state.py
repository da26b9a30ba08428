"""State that computing a turn's gradients changes: it is set aside, restored, and compared."""

import random
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ganexp.game.host_state import plain_attributes
from ganexp.game.loss_history import Terms

LARGEST_DIFFERENCE = 1e-2
"""Largest relative difference, by norm, of two computations whose algorithms are not deterministic."""


class TurnState:
    """Copies of all that a turn changes before the optimizer's step: buffers, attributes, random states, gradients.

    The weights are not among them, since only the optimizer changes those.
    """

    def __init__(self, game: Any, network: nn.Module) -> None:
        self.game = game
        self.network = network
        self.buffers = [buffer.clone() for buffer in game.buffers()]
        self.gradients = [None if p.grad is None else p.grad.clone() for p in network.parameters()]
        self.turns: dict[str, list[Terms]] = {name: list(turns) for name, turns in game.loss_history.turns.items()}
        self.watched = {name: tensor.clone() for name, tensor in game.watched.items()}
        self.handed_over = {name: tensor.clone() for name, tensor in game.inputs.handed_over.items()}
        self.attributes = list(plain_attributes(game))
        self.python_state, self.numpy_state = random.getstate(), np.random.get_state()
        self.torch_states = torch_states(game.device)

    @torch.no_grad()
    def restore(self) -> None:
        """Restore the state in place, so that graphs find every tensor where it was."""
        for buffer, value in zip(self.game.buffers(), self.buffers, strict=True):
            buffer.copy_(value)
        for parameter, gradient in zip(self.network.parameters(), self.gradients, strict=True):
            parameter.grad = gradient
        self.game.loss_history.turns = {name: list(turns) for name, turns in self.turns.items()}
        self.game.watched = dict(self.watched)
        for name, value in self.handed_over.items():
            self.game.inputs.handed_over[name].copy_(value)
        for module, name, value in self.attributes:
            module.__dict__[name] = value
        random.setstate(self.python_state)
        np.random.set_state(self.numpy_state)
        torch.default_generator.set_state(self.torch_states[0])
        if self.game.device.type == "cuda":
            torch.cuda.set_rng_state(self.torch_states[1], self.game.device)

    def difference(self, other: "TurnState", exact: bool) -> str:
        """Return what differs in another state, empty if nothing does.

        ``exact``: bit for bit; otherwise up to the rounding of algorithms that are not deterministic.
        """
        values, others = list(self._values()), list(other._values())
        if [name for name, *_ in values] != [name for name, *_ in others]:
            return "the tensors that it computes"
        for (name, value, norm), (_, another, _) in zip(values, others, strict=True):
            if not is_equal(value, another) and (exact or not is_close(value, another, norm)):
                return name
        return ""

    def _values(self) -> Iterator[tuple[str, Tensor, Tensor]]:
        """Yield the name, the value and the norm that differences are measured against."""
        named = {name: tensor for (name, _), tensor in zip(self.game.named_buffers(), self.buffers, strict=True)}
        for player, turns in self.turns.items():
            # Of earlier turns the terms are the same.
            for part, terms in enumerate(turns[-self.game.accumulate :]):
                named |= {f"the {player}'s {term} loss {part}": value for term, value in terms.items()}
        named |= self.watched | self.handed_over
        named |= {f"torch's random state {number}": state for number, state in enumerate(self.torch_states)}
        yield from ((name, tensor, norm_of(tensor)) for name, tensor in named.items())
        gradients = {
            f"the gradient of {name}": gradient
            for (name, _), gradient in zip(self.network.named_parameters(), self.gradients, strict=True)
            if gradient is not None
        }
        # A bias before a normalization has a gradient of rounding errors alone.
        whole = torch.stack([norm_of(gradient) for gradient in gradients.values()] or [torch.zeros(())]).norm()
        yield from ((name, gradient, whole) for name, gradient in gradients.items())


def norm_of(tensor: Tensor) -> Tensor:
    """Return the norm of a tensor's finite values, a scalar in float64."""
    norm: Tensor = torch.linalg.vector_norm(torch.where(tensor.isfinite(), tensor, 0).double())
    return norm


def is_equal(value: Tensor, other: Tensor) -> bool:
    """Return whether two tensors are equal, NaN being equal to NaN."""
    return value.shape == other.shape and bool(((value == other) | ((value != value) & (other != other))).all())


def is_close(value: Tensor, other: Tensor, norm: Tensor) -> bool:
    """Return whether the finite values of two tensors differ, by norm, by at most 1 % of ``norm``."""
    if not value.is_floating_point() or not torch.equal(value.isfinite(), other.isfinite()):
        return False
    difference = norm_of(value.double() - other.double())
    return bool(difference <= LARGEST_DIFFERENCE * norm + torch.finfo(torch.float32).eps)


def torch_states(device: torch.device) -> list[Tensor]:
    """Return the states of torch's default generators."""
    states = [torch.default_generator.get_state()]
    return [*states, torch.cuda.get_rng_state(device)] if device.type == "cuda" else states
