"""State that computing a turn's gradients changes: it is set aside, restored, and compared."""

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from ganexp.game.host_state import plain_attributes
from ganexp.game.loss_history import Terms

LARGEST_DIFFERENCE = 1e-2
"""Largest relative difference, by norm, of two computations whose algorithms are not deterministic."""


class TurnState:
    """Copies of all that a turn changes before the optimizer's step: buffers, counts, random states, gradients.

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
        self.random_states = random_states(game.device)

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
        restore_random_states(self.game.device, self.random_states)

    def difference(self, other: "TurnState", exact: bool) -> str:
        """Return what differs in another state, empty if nothing does.

        ``exact``: bit for bit; otherwise up to the rounding of algorithms that are not deterministic.
        """
        mine, others = list(self._values()), list(other._values())
        if [name for name, _ in mine] != [name for name, _ in others]:
            return "other tensors"
        for (name, value), (_, another) in zip(mine, others, strict=True):
            if not (torch.equal(value, another) if exact else is_close(value, another)):
                return name
        return ""

    def _values(self) -> Iterator[tuple[str, Tensor]]:
        for (name, _), value in zip(self.game.named_buffers(), self.buffers, strict=True):
            yield name, value
        for (name, _), gradient in zip(self.network.named_parameters(), self.gradients, strict=True):
            if gradient is not None:
                yield f"the gradient of {name}", gradient
        for player, turns in self.turns.items():
            for name, term in turns[-1].items():
                yield f"the {player}'s {name} loss", term
        yield from self.watched.items()
        yield from self.handed_over.items()


def is_close(value: Tensor, other: Tensor) -> bool:
    """Return whether two tensors are finite and differ, by norm, by at most 1 % of the first's."""
    if not value.is_floating_point():
        return torch.equal(value, other)
    value, other = value.double(), other.double()
    return bool((value - other).norm() <= LARGEST_DIFFERENCE * value.norm() + torch.finfo(torch.float32).eps)


def random_states(device: torch.device) -> Sequence[Any]:
    """Return the states of torch's default generators."""
    states = [torch.default_generator.get_state()]
    return [*states, torch.cuda.get_rng_state(device)] if device.type == "cuda" else states


def restore_random_states(device: torch.device, states: Sequence[Any]) -> None:
    """Restore the states of torch's default generators."""
    torch.default_generator.set_state(states[0])
    if device.type == "cuda":
        torch.cuda.set_rng_state(states[1], device)
