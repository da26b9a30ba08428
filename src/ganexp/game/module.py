"""The alternating game: players take turns, and only the player whose turn it is moves."""

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import lightning as L
import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize
from torch.optim import Optimizer

from ganexp.distributed import collectives
from ganexp.ema import ExponentialMovingAverage
from ganexp.errors import Diverged, UserError
from ganexp.layers.power_iteration import frozen_power_iteration
from ganexp.layers.statistics import frozen_statistics, running_statistics
from ganexp.numerics.randomness import derived_seed, generator, seed_globals
from ganexp.partials import plain

Batch = dict[str, Tensor]
Terms = dict[str, Tensor]
OptimizerFactory = Callable[[Iterator[nn.Parameter]], Optimizer]
Schedule = Callable[[float], float]

COUNTERS = "ganexp"


@dataclass(frozen=True)
class Player:
    """One side of the game: the network it moves, what it minimizes and how often it moves."""

    name: str
    network: nn.Module
    loss: Callable[[Batch], Terms]
    """From a batch to named terms; the player minimizes their sum."""
    every: int = 1
    """It moves on each so-manieth batch, so that the other side takes several turns on fresh data."""
    average: ExponentialMovingAverage | None = None
    """Follows the network after each of its moves."""
    constraint: Callable[[nn.Module], None] | None = None
    """Puts the network's weights where they may be, after each of its moves."""


class AdversarialModule(L.LightningModule):
    """A game of players over batches of real images; a variant says who plays by overriding ``players``.

    The number of real images shown to the discriminator, ``images_seen``, counts over all ranks. Everything
    random is a pure function of (seed, purpose, batch number), drawn for the global batch and sliced by rank.
    The moving player's gradients, and what its normalizations gathered, are averaged over ranks once a turn, so that
    all ranks hold the same game.

    ``optimizers`` and ``schedules`` map each player's name to a function from parameters to an optimizer and
    from progress in [0, 1] to a factor on its learning rate. ``gradient_clip`` bounds the norm of a player's
    gradient. ``accumulate`` splits each batch into so many parts, whose gradients are summed before the step.
    """

    automatic_optimization = False

    def __init__(
        self,
        optimizers: Mapping[str, OptimizerFactory],
        schedules: Mapping[str, Schedule],
        images: int,
        seed: int,
        gradient_clip: float | None = None,
        accumulate: int = 1,
    ) -> None:
        super().__init__()
        self.optimizer_of = optimizers
        self.schedule_of = {name: plain(schedule) for name, schedule in schedules.items()}
        self.images = images
        self.seed = seed
        self.gradient_clip = gradient_clip
        self.accumulate = accumulate
        self.images_seen = 0
        self.batches_seen = 0
        self.rate = 1.0
        self.unread_terms: dict[str, list[Terms]] = {}
        self.watched: dict[str, Tensor] = {}
        self._part = 0

    def players(self) -> list[Player]:
        """Return the players in the order of their turns."""
        raise NotImplementedError("a variant says who plays")

    def configure_optimizers(self) -> list[Optimizer]:
        """Return one optimizer a player, in the order of their turns."""
        return [self.optimizer_of[player.name](player.network.parameters()) for player in self.players()]

    def training_step(self, batch: Batch, batch_idx: int) -> None:
        """Let each player whose turn it is move once on the batch."""
        # Dropout and users' own code draw from global generators: seeded by the batch, they need no saving either.
        seed_globals(derived_seed(self.seed, f"rank {self.global_rank}", self.batches_seen), self.device)
        # Lightning converts a batch before the data module scales it.
        batch = {key: value.to(self.dtype) if value.is_floating_point() else value for key, value in batch.items()}
        players = self.players()
        for player, optimizer in zip(players, self._optimizers(), strict=True):
            if (self.batches_seen + 1) % player.every == 0:
                waiting = [other.network for other in players if other is not player]
                with self.toggled_optimizer(optimizer), frozen_statistics(*waiting):
                    self.turn(player, optimizer, batch)
        self.batches_seen += 1
        self.images_seen += len(batch["image"]) * self.trainer.world_size

    def turn(self, player: Player, optimizer: Any, batch: Batch) -> None:
        """Take one optimizer step on the player's loss."""
        self._set_learning_rate(player, optimizer)
        for number, part in enumerate(self._parts(batch)):
            self._part = number
            # One power iteration a turn: later parts of the batch use the weights of the first.
            with parametrize.cached(), frozen_power_iteration(player.network, when=number > 0):
                terms = player.loss(part)
                self.manual_backward(torch.stack(list(terms.values())).sum() / self.accumulate)
            self._remember(player, terms)
        self._average_over_ranks(player)
        optimizer.step()
        optimizer.zero_grad()
        if player.constraint is not None:
            player.constraint(player.network)
        if player.average is not None:
            player.average.update(player.network, self.progress())

    def on_before_optimizer_step(self, optimizer: Optimizer) -> None:
        """Clip here, where a loss scaler has already unscaled the gradients."""
        if self.gradient_clip is not None:
            parameters = [p for group in optimizer.param_groups for p in group["params"]]
            nn.utils.clip_grad_norm_(parameters, self.gradient_clip)

    def draw(self, purpose: str, n: int, sample: Callable[[int, torch.Generator], Tensor]) -> Tensor:
        """Draw for the whole global batch and return the ``n`` rows of this rank and part of the batch."""
        rng = generator(self.seed, purpose, self.batches_seen, self.device)
        everything = sample(n * self.accumulate * self.trainer.world_size, rng)
        first = (self.global_rank * self.accumulate + self._part) * n
        return everything[first : first + n]

    def watch(self, **tensors: Tensor) -> None:
        """Keep tensors of this turn for the curves; nothing is computed from them until they are read."""
        self.watched.update({name: tensor.detach() for name, tensor in tensors.items()})

    def read_terms(self) -> dict[str, float]:
        """Return the mean of each player's terms since the last call, by ``player/term``.

        Raises Diverged naming player, term and batch if a term was not finite: such a run cannot recover.
        """
        means = {f"{player}/{term}": values.mean().item() for player, term, values in self.finite_terms()}
        self.unread_terms = {}
        return means

    def finite_terms(self) -> Iterator[tuple[str, str, Tensor]]:
        """Yield player, term and its values (turns,) since ``read_terms`` was last called.

        Raises Diverged as ``read_terms`` does.
        """
        self._average_terms()
        for player, turns in self.unread_terms.items():
            # Lazy penalties are not among the terms of each turn.
            for term in dict.fromkeys(term for terms in turns for term in terms):
                values = torch.stack([terms[term] for terms in turns if term in terms]).double().cpu()
                self._require_finite(player, term, values)
                yield player, term, values

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Add the counters and the terms not yet read, as plain numbers."""
        self._average_terms()
        unread = {
            player: [{name: term.item() for name, term in terms.items()} for terms in turns]
            for player, turns in self.unread_terms.items()
        }
        checkpoint[COUNTERS] = {
            "images_seen": self.images_seen,
            "batches_seen": self.batches_seen,
            "ranks": self.trainer.world_size,
            "rate": self.rate,
            "unread_terms": unread,
        }

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Take them back."""
        self.images_seen = checkpoint[COUNTERS]["images_seen"]
        self.batches_seen = checkpoint[COUNTERS]["batches_seen"]
        self.rate = checkpoint[COUNTERS].get("rate", 1.0)
        self.unread_terms = {
            player: [{name: torch.tensor(value) for name, value in terms.items()} for terms in turns]
            for player, turns in checkpoint[COUNTERS]["unread_terms"].items()
        }

    def progress(self) -> float:
        """Return the share of the budget already seen, in [0, 1]."""
        return min(1.0, self.images_seen / self.images)

    def _average_over_ranks(self, player: Player) -> None:
        if self.trainer.world_size == 1:
            return
        # A loss scaler has not unscaled them yet: what overflowed on one rank is skipped on all.
        gradients = [p.grad for p in player.network.parameters() if p.grad is not None]
        collectives.average([*gradients, *running_statistics(player.network)])

    def _average_terms(self) -> None:
        self.unread_terms = {
            player: [{name: term.to(self.device) for name, term in terms.items()} for terms in turns]
            for player, turns in self.unread_terms.items()
        }
        collectives.average(
            [term for turns in self.unread_terms.values() for terms in turns for term in terms.values()]
        )

    def _optimizers(self) -> list[Any]:
        optimizers = self.optimizers()
        return optimizers if isinstance(optimizers, list) else [optimizers]

    def _set_learning_rate(self, player: Player, optimizer: Optimizer) -> None:
        factor = self.rate * self.schedule_of[player.name](self.progress())
        for group in optimizer.param_groups:
            group.setdefault("initial_lr", group["lr"])
            group["lr"] = group["initial_lr"] * factor

    def _parts(self, batch: Batch) -> list[Batch]:
        n = len(batch["image"])
        if n % self.accumulate:
            raise UserError(
                f"model.accumulate={self.accumulate} does not divide the {n} images that a rank gets of each batch"
            )
        split = {key: tensor.split(n // self.accumulate) for key, tensor in batch.items()}
        return [{key: parts[i] for key, parts in split.items()} for i in range(self.accumulate)]

    def _remember(self, player: Player, terms: Terms) -> None:
        turns = self.unread_terms.setdefault(player.name, [])
        turns.append({name: term.detach() for name, term in terms.items()})

    def _require_finite(self, player: str, term: str, values: Tensor) -> None:
        bad = [i for i, value in enumerate(values.tolist()) if not math.isfinite(value)]
        if bad:
            turns_ago = len(values) - bad[0]
            raise Diverged(
                f"the {player}'s {term} loss became {values[bad[0]].item()}, {turns_ago} of its turns before image "
                f"{self.images_seen:,}"
            )
