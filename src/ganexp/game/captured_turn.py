"""A turn captured in a CUDA graph: fixed tensors, what is set before each replay, and what is read after it."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any, Protocol

import torch
from torch import Tensor

from ganexp.game.batches import Batch
from ganexp.game.captured_inputs import CapturedInputs
from ganexp.game.loss_history import LossHistory, Terms
from ganexp.game.module import AdversarialModule, Player

Replay = Callable[[], None]


class GraphBackend(Protocol):
    """Captures what a function computes on a device, to be replayed."""

    def warming_up(self) -> AbstractContextManager[None]:
        """Return a context for eager turns whose memory and libraries a later capture uses too."""

    def without_waiting(self) -> AbstractContextManager[None]:
        """Return a context that raises HostWaits where the host waits for the device."""

    def capture(self, work: Callable[[], None], generators: Sequence[torch.Generator]) -> Replay:
        """Call ``work`` without computing anything, and return a function that computes what it asked for.

        Raises RuntimeError where the device refuses; then no graph may be replayed any more.
        """

    def recover(self) -> None:
        """Make the device usable again after a capture that failed."""


class CapturedTurn:
    """The gradients of one player's turn as a graph over fixed tensors."""

    def __init__(
        self,
        game: AdversarialModule,
        player: Player,
        optimizer: Any,
        batch: Batch,
        inputs: CapturedInputs,
        backend: GraphBackend,
    ) -> None:
        self.game, self.player, self.inputs = game, player, inputs
        self.parameters = list(player.network.parameters())
        self.batch = {name: tensor.clone() for name, tensor in batch.items()}
        self.inputs.fill()
        with self._recorded_outputs() as (history, watched):
            self.replay_graph = backend.capture(
                lambda: game.compute_gradients(player, optimizer, self.batch), self.inputs.generators
            )
        self.terms: list[Terms] = history.turns[player.name]
        self.watched = watched
        self.gradients = [parameter.grad for parameter in self.parameters]
        for parameter in self.parameters:
            parameter.grad = None
        self.tensors = [*game.parameters(), *game.buffers()]
        self.modules = list(game.modules())
        self.addresses, self.modes = self.current_addresses(), self.current_modes()
        self.replays = 0

    def current_addresses(self) -> list[int]:
        """Return where the game's weights and buffers lie in memory."""
        return [tensor.data_ptr() for tensor in self.tensors]

    def current_modes(self) -> list[bool]:
        """Return which of the game's modules are in training mode."""
        return [module.training for module in self.modules]

    @property
    def is_to_be_checked(self) -> bool:
        """Whether the next replay is compared with an eager turn.

        These are the first, the second, the fourth, the eighth, … The first shows whether the computation is the same,
        later ones whether numbers of the host have changed since.
        """
        return self.replays & (self.replays + 1) == 0

    def replay(self, batch: Batch) -> None:
        """Compute the gradients on a batch, and record the loss terms and the logits."""
        for name, tensor in batch.items():
            self.batch[name].copy_(tensor, non_blocking=True)
        self.inputs.fill()
        self.replay_graph()
        for parameter, gradient in zip(self.parameters, self.gradients, strict=True):
            parameter.grad = gradient
        # Copied, as the next replay overwrites the graph's memory.
        for terms in self.terms:
            self.game.loss_history.add(self.player.name, copied(terms))
        self.game.watch(**copied(self.watched))
        self.replays += 1

    def release(self) -> None:
        """Let go of the graph and its memory, whoever still holds this turn; it cannot be replayed any more."""
        del self.replay_graph, self.gradients, self.terms, self.watched

    @contextmanager
    def _recorded_outputs(self) -> Iterator[tuple[LossHistory, dict[str, Tensor]]]:
        """Give the turn that is captured a loss history, logits and inputs of its own."""
        game = self.game
        before = game.loss_history, game.watched, game.inputs
        game.loss_history, game.watched, game.inputs = LossHistory(), {}, self.inputs
        try:
            yield game.loss_history, game.watched
        finally:
            game.loss_history, game.watched, game.inputs = before


def copied(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """Return copies of tensors."""
    return {name: tensor.clone() for name, tensor in tensors.items()}
