"""Alternating training of adversarial players: each takes its turn while the others are frozen."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Required, TypedDict

import lightning as L
import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from ganexp.distributed import collectives
from ganexp.ema import ExponentialMovingAverage, PartOfAverage
from ganexp.game.batches import Batch, rows_of, split
from ganexp.game.freezing import Chosen, freeze
from ganexp.game.loss_history import LossHistory, Terms
from ganexp.game.turn_inputs import HostCounter, TurnInputs
from ganexp.layers.power_iteration import power_iteration as named_power_iteration
from ganexp.layers.statistics import frozen_statistics, running_statistics
from ganexp.numerics.randomness import derived_seed, seed_globals
from ganexp.partials import plain

OptimizerFactory = Callable[[Iterator[nn.Parameter]], Optimizer]
Schedule = Callable[[float], float]
GradientPass = Callable[["Player", Any, Batch], None]
"""Computes the gradients of a player's loss on a batch; the second argument is the player's optimizer."""

COUNTERS = "ganexp"


@dataclass(frozen=True)
class Player:
    """One player of the game: its network, its loss and how often it takes a turn."""

    name: str
    network: nn.Module
    loss: Callable[[Batch], Terms]
    """From a batch to named terms, of which the player minimizes the sum."""
    every: int = 1
    """The player takes its turn on every ``every``-th batch, so that the other takes several on fresh data."""
    average: ExponentialMovingAverage | PartOfAverage | None = None
    """The moving average of the network, updated after each optimizer step."""
    constraint: Callable[[nn.Module], None] | None = None
    """Projects the network's weights onto the allowed set after each optimizer step."""
    judged_by: str | None = None
    """Of a player that makes fakes, what follows ``real`` and ``fake`` in the names of the logits watched of them."""


class GameSettings(TypedDict, total=False):
    """The arguments of every game; see `AdversarialModule`."""

    optimizers: Required[Mapping[str, OptimizerFactory]]
    schedules: Required[Mapping[str, Schedule]]
    images: Required[int]
    seed: Required[int]
    gradient_clip: float | None
    accumulate: int
    power_iteration: str
    freeze: Mapping[str, Chosen | None] | None


class AdversarialModule(L.LightningModule):
    """A game of players on batches of real images; a variant defines it by overriding ``players``.

    ``images_seen``, the number of real images shown to the discriminator, counts over all ranks. All random numbers are
    a pure function of (seed, purpose, batch number), drawn for the global batch and sliced by rank. After each backward
    pass the player's gradients and the running statistics of its normalizations are averaged over the ranks, so that
    all ranks hold the same networks.

    ``optimizers`` and ``schedules`` map each player's name to a function from parameters to an optimizer and from
    progress in [0, 1] to a factor on its learning rate. ``images`` is the budget that progress is measured against.
    ``gradient_clip`` bounds the norm of a player's gradient. ``accumulate`` is the number of parts that each batch is
    split into; their gradients are summed before the step. ``power_iteration`` is when spectral normalizations iterate:
    ``every_turn`` of their network's player, or in ``every_forward`` pass, also of a network that waits.
    ``freeze`` maps a player's name to the layers of its network that are not trained; see `freeze`.
    """

    automatic_optimization = False
    real_batches = 1
    """The number of batches of real images in a step: player number i has batch i % real_batches, of the rows
    i % real_batches, i % real_batches + real_batches, … Only the discriminator's count as seen."""
    images_seen = HostCounter("the number of images seen")
    batches_seen = HostCounter("the number of batches seen")

    def __init__(
        self,
        optimizers: Mapping[str, OptimizerFactory],
        schedules: Mapping[str, Schedule],
        images: int,
        seed: int,
        gradient_clip: float | None = None,
        accumulate: int = 1,
        power_iteration: str = "every_turn",
        freeze: Mapping[str, Chosen | None] | None = None,
    ) -> None:
        super().__init__()
        self.optimizer_of = optimizers
        self.schedule_of = {name: plain(schedule) for name, schedule in schedules.items()}
        self.images = images
        self.seed = seed
        self.gradient_clip = gradient_clip
        self.accumulate = accumulate
        self.power_iteration = named_power_iteration(power_iteration)
        self.freeze_of = freeze or {}
        self.inputs = TurnInputs(self)
        self.gradient_pass: GradientPass | None = None
        self.images_seen = 0
        self.batches_seen = 0
        self.learning_rate_factor = 1.0  # below 1 once a run that diverged was rolled back
        self.loss_history = LossHistory()
        self.watched: dict[str, Tensor] = {}
        self._part = 0

    def players(self) -> list[Player]:
        """Return the players in the order of their turns."""
        raise NotImplementedError("a variant defines its players")

    def resting_players(self) -> list[Player]:
        """Return players that take no turns in this run, but whose networks are part of the model: none."""
        return []

    def configure_optimizers(self) -> list[Optimizer]:
        """Freeze the layers that are not trained, and return one optimizer per player, in the order of their turns."""
        players = self.players()
        freeze({player.name: player.network for player in players}, self.freeze_of)
        # Frozen parameters are among them: without a gradient an optimizer skips them, their decay included.
        return [self.optimizer_of[player.name](player.network.parameters()) for player in players]

    def training_step(self, batch: Batch, batch_idx: int) -> None:
        """Give every player whose turn it is one optimizer step on the batch."""
        # Dropout and users' own code draw from the global generators: seeded per batch, these need no saving either.
        seed_globals(derived_seed(self.seed, f"rank {self.global_rank}", self.batches_seen), self.device)
        # Lightning converts a batch before the data module scales it.
        batch = {key: value.to(self.dtype) if value.is_floating_point() else value for key, value in batch.items()}
        for number, (player, optimizer) in enumerate(zip(self.players(), self._optimizers(), strict=True)):
            if (self.batches_seen + 1) % player.every == 0:
                self.turn(player, optimizer, rows_of(batch, number % self.real_batches, self.real_batches))
        self.batches_seen += 1
        self.images_seen += len(batch["image"]) // self.real_batches * self.trainer.world_size

    def turn(self, player: Player, optimizer: Any, batch: Batch) -> None:
        """Take one optimizer step on the player's loss."""
        set_learning_rate(optimizer, self.learning_rate_factor * self.schedule_of[player.name](self.progress()))
        gradient_pass = self.gradient_pass or self.compute_gradients
        gradient_pass(player, optimizer, batch)
        self._average_over_ranks(player)
        optimizer.step()
        optimizer.zero_grad()
        if player.constraint is not None:
            player.constraint(player.network)
        if player.average is not None:
            player.average.update(player.network, self.progress(), self.images)

    def compute_gradients(self, player: Player, optimizer: Any, batch: Batch) -> None:
        """Compute the gradients of the player's loss, while the others are frozen, and record its terms."""
        waiting = [other.network for other in self.players() if other.network is not player.network]
        iteration = self.power_iteration(player.network, waiting, self.accumulate)
        frozen = frozen_statistics(*waiting, parametrizations=not iteration.others_iterate)
        with self.toggled_optimizer(optimizer), frozen, one_autograd_thread():
            for number, part in enumerate(split(batch, self.accumulate)):
                self._part = number
                with iteration.part(number):
                    terms = player.loss(part)
                    loss = torch.stack(list(terms.values())).sum() / self.accumulate
                    # Autocast would convert the second derivatives of a penalty that was computed in float32.
                    with torch.autocast(self.device.type, enabled=False):
                        self.manual_backward(loss)
                self.loss_history.add(player.name, terms)

    def on_before_optimizer_step(self, optimizer: Optimizer) -> None:
        """Clip the gradients, which a loss scaler has already unscaled at this point."""
        if self.gradient_clip is not None:
            parameters = [p for group in optimizer.param_groups for p in group["params"]]
            nn.utils.clip_grad_norm_(parameters, self.gradient_clip)

    def draw(self, purpose: str, n: int, sample: Callable[[int, torch.Generator], Tensor]) -> Tensor:
        """Draw for the global batch and return the ``n`` rows (n, …) of this rank and part of the batch."""
        total = n * self.accumulate * self.trainer.world_size
        global_batch = sample(total, self.inputs.generator(purpose))
        first = (self.global_rank * self.accumulate + self._part) * n
        return global_batch[first : first + n]

    def watch(self, **tensors: Tensor) -> None:
        """Keep this turn's tensors, such as logits, for the curves; they stay on the device until they are read."""
        self.watched.update({name: tensor.detach() for name, tensor in tensors.items()})

    def read_terms(self) -> dict[str, float]:
        """Return the mean of every loss term since the last call, by ``player/term``.

        Raises Diverged if a term was not finite.
        """
        return self.loss_history.means(self.device, self.images_seen)

    def require_finite_terms(self) -> None:
        """Raise Diverged if a loss term since the last ``read_terms`` was not finite."""
        for _ in self.loss_history.series(self.device, self.images_seen):
            pass  # every series is checked as it is yielded

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Add the counters and the loss terms not yet read, as plain numbers."""
        checkpoint[COUNTERS] = {
            "images_seen": self.images_seen,
            "batches_seen": self.batches_seen,
            "ranks": self.trainer.world_size,
            "rate": self.learning_rate_factor,
            "unread_terms": self.loss_history.state_dict(self.device),
        }

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Restore the counters and the loss terms not yet read."""
        counters = checkpoint[COUNTERS]
        self.images_seen = counters["images_seen"]
        self.batches_seen = counters["batches_seen"]
        self.learning_rate_factor = counters.get("rate", 1.0)
        self.loss_history.load_state_dict(counters["unread_terms"])

    def progress(self) -> float:
        """Return the fraction of the budget of images already seen, in [0, 1]."""
        return min(1.0, self.images_seen / self.images)

    def _average_over_ranks(self, player: Player) -> None:
        if self.trainer.world_size == 1:
            return
        # Before a loss scaler unscales them, so that all ranks skip a step whose gradients overflowed on one.
        gradients = [p.grad for p in player.network.parameters() if p.grad is not None]
        collectives.average([*gradients, *running_statistics(player.network)])

    def _optimizers(self) -> list[Any]:
        optimizers = self.optimizers()
        return optimizers if isinstance(optimizers, list) else [optimizers]


def one_autograd_thread() -> AbstractContextManager[None]:
    """Return a context in which the backward pass runs on this thread, also on a GPU.

    Autograd sums gradients in the order in which each thread numbers the nodes of its graphs, and a gradient penalty's
    second graph is made on the thread of the backward pass. If that is another thread, the order, and with it the
    rounding, depends on what the process has computed before.
    """
    context: AbstractContextManager[None] = torch.autograd.set_multithreading_enabled(False)
    return context


def set_learning_rate(optimizer: Optimizer, factor: float) -> None:
    """Set the learning rate to its initial value times the factor."""
    for group in optimizer.param_groups:
        group.setdefault("initial_lr", group["lr"])
        group["lr"] = group["initial_lr"] * factor
