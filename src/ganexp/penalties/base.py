"""Penalties: regularization terms that are added to the discriminator's loss."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
from torch import Tensor, nn

from ganexp.errors import UserError
from ganexp.partials import plain

Draw = Callable[[int, Callable[[int, torch.Generator], Tensor]], Tensor]
Schedule = Callable[[float], float]
Side = Literal["real", "fake"]
Regenerate = Callable[[Callable[[Tensor], Tensor]], Tensor]
"""Makes a turn's fake images (N, C, H, W) again, from their noise (N, latent) changed by a function."""


@dataclass(frozen=True)
class CriticTurn:
    """The inputs of a penalty in the discriminator's turn."""

    critic: Callable[[Tensor], Tensor]  # from images (N, C, H, W) to logits (N, …), given the real images' labels
    fake_critic: Callable[[Tensor], Tensor]  # the same, given the fake images' labels
    real: Tensor  # images (N, C, H, W) in [-1, 1], detached
    fake: Tensor  # images (N, C, H, W) in [-1, 1], detached
    real_logits: Tensor  # (N, …)
    fake_logits: Tensor  # (N, …)
    draw: Draw  # returns n random rows, this rank's share of the global batch; call it once at most
    judged_real: Tensor | None = None  # the real images that real_logits were computed from, if they require gradients
    judged_fake: Tensor | None = None  # the same of the fake images and fake_logits
    read_progress: Callable[[], float] = lambda: 0.0
    regenerate: Regenerate | None = None  # without gradients, augmented like the fakes; None for fakes without noise
    parts: int = 1  # the number of parts that the batch is split into, of which this is one

    @property
    def progress(self) -> float:
        """The fraction of the budget already seen, in [0, 1]."""
        return self.read_progress()


@dataclass(frozen=True)
class GeneratorTurn:
    """The inputs of a penalty's term in the generator's turn."""

    fake: Tensor  # images (N, C, H, W) in [-1, 1], with gradients
    draw: Draw  # as in CriticTurn
    regenerate: Regenerate | None  # with gradients; None for fakes without noise


class Penalty(nn.Module):
    """A weighted value that is added to the discriminator's loss on every ``every``-th batch.

    ``every`` is the interval of lazy regularization (arXiv 1912.04958, section 3.1); the caller skips the batches in
    between. ``schedule`` maps progress in [0, 1] to a factor on the weight, as R3GAN's gamma falls (arXiv 2501.05441);
    with None the weight is constant. Raises UserError unless the weight is finite and at least 0 and ``every`` is at
    least 1.
    """

    through_augmentation: bool = False
    """Whether the images of its turn are those before augmentation, which is then part of the critic."""
    affects_generator: ClassVar[bool] = False
    """Whether the generator's loss has a term of it too, ``generator_value``."""

    def __init__(self, weight: float = 10.0, every: int = 1, schedule: Schedule | None = None) -> None:
        super().__init__()
        name = type(self).__name__
        if not (math.isfinite(weight) and weight >= 0):
            raise UserError(f"{name}: weight={weight}: it must be finite and at least 0, for example 10")
        if every < 1:
            raise UserError(f"{name}: every={every}: it must be at least 1, which is every turn")
        self.weight = weight
        self.every = every
        self.schedule = None if schedule is None else plain(schedule)

    def value(self, turn: CriticTurn) -> Tensor:
        """Return the unweighted penalty, a scalar in float32 (float64 for images in float64)."""
        raise NotImplementedError("a penalty defines its value")

    def generator_value(self, turn: GeneratorTurn) -> Tensor:
        """Return the term of the generator's loss, a scalar, with its weight but without the schedule's factor."""
        raise NotImplementedError("a penalty that affects the generator defines its term")

    def forward(self, turn: CriticTurn, factor: float | Tensor | None = None) -> Tensor:
        """Return the penalty, a scalar, times its weight and ``factor``, by default the schedule's in this turn."""
        if factor is None:
            factor = 1.0 if self.schedule is None else self.schedule(turn.progress)
        weight, value = self.weight * factor, self.value(turn)
        return (weight.to(value) if isinstance(weight, Tensor) else weight) * value

    def differentiates(self, side: Side, images: Tensor) -> bool:
        """Return whether the value may use the gradient of a side's logits at its images (N, C, H, W).

        The caller then lets these images require gradients before they are judged, and passes them as ``judged_real``
        or ``judged_fake`` of the turn, which saves a second forward pass. Most penalties need no gradients, or need
        them at points between or around the images, of which there are no logits yet.
        """
        return False

    def term(self, turn: CriticTurn, factor: float | Tensor | None = None) -> Tensor:
        """Return the term of the loss: the weighted penalty times ``every``, to make up for the batches skipped."""
        output: Tensor = self.every * self(turn, factor)
        return output
