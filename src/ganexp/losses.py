"""Adversarial losses on logits, each to be minimized; all are computed in float32."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor, nn
from torch.nn.functional import relu, softplus

from ganexp.distributed import collectives
from ganexp.errors import UserError

Scalar = Callable[[str, Callable[[float], float]], float | Tensor]
"""Returns the value of a function of progress in [0, 1] at the game's progress; the name tells such values apart."""


class Loss(Protocol):
    """The losses of the two players of a game, as functions of the discriminator's logits."""

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        """Return the discriminator's loss, a scalar in float32, from logits of any shape."""
        ...

    def generator(self, fake: Tensor, real: Callable[[], Tensor] | None = None) -> Tensor:
        """Return the generator's loss, a scalar in float32.

        `real` computes the logits of the real batch: only relativistic losses ask for them.
        """
        ...

    def output(self, logits: Tensor) -> Tensor:
        """Return the discriminator's answer as its paper reads it, in the shape of the logits."""
        ...


class Minimax:
    """The original game, min over G of max over D; `output` is D(x) in [0, 1] (arXiv 1406.2661, eq. 1).

    With D = sigmoid(logit), log D = -softplus(-logit) and log(1 - D) = -softplus(logit).
    """

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        """Return -E[log D(x)] - E[log(1 - D(G(z)))]."""
        return softplus(-real.float()).mean() + softplus(fake.float()).mean()

    def generator(self, fake: Tensor, real: Callable[[], Tensor] | None = None) -> Tensor:
        """Return E[log(1 - D(G(z)))], whose gradient vanishes where D is confident."""
        return -softplus(fake.float()).mean()

    def output(self, logits: Tensor) -> Tensor:
        """Return the probability of being real, in [0, 1]."""
        return logits.float().sigmoid()


class NonSaturating(Minimax):
    """The original discriminator against a generator that maximizes log D (arXiv 1406.2661, section 3)."""

    def generator(self, fake: Tensor, real: Callable[[], Tensor] | None = None) -> Tensor:
        """Return -E[log D(G(z))]."""
        # log(sigmoid(x) + eps) would lose its gradient at a confident D: sigmoid underflows first.
        return softplus(-fake.float()).mean()


class Hinge:
    """The hinge version of the game; `output` is the raw score (arXiv 1705.02894; 1802.05957, eq. 16-17)."""

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        """Return E[max(0, 1 - D(x))] + E[max(0, 1 + D(G(z)))]."""
        return relu(1 - real.float()).mean() + relu(1 + fake.float()).mean()

    def generator(self, fake: Tensor, real: Callable[[], Tensor] | None = None) -> Tensor:
        """Return -E[D(G(z))]."""
        return -fake.float().mean()

    def output(self, logits: Tensor) -> Tensor:
        """Return the score itself, unbounded."""
        return logits.float()


@dataclass(frozen=True)
class LeastSquares:
    """Least squares to the labels a, b and c; `output` is the raw score (arXiv 1611.04076, eq. 2 and 9)."""

    a: float = 0.0  # what the discriminator should answer to fakes
    b: float = 1.0  # what the discriminator should answer to real data
    c: float = 1.0  # what the generator wants the discriminator to answer to fakes

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        """Return E[(D(x) - b)^2] / 2 + E[(D(G(z)) - a)^2] / 2."""
        return ((real.float() - self.b).square().mean() + (fake.float() - self.a).square().mean()) / 2

    def generator(self, fake: Tensor, real: Callable[[], Tensor] | None = None) -> Tensor:
        """Return E[(D(G(z)) - c)^2] / 2."""
        return (fake.float() - self.c).square().mean() / 2

    def output(self, logits: Tensor) -> Tensor:
        """Return the score itself, unbounded."""
        return logits.float()


class Wasserstein:
    """The critic's dual form of the Wasserstein-1 distance; `output` is the raw score (arXiv 1701.07875, eq. 2).

    It is that distance only for critics of slope 1 at most, which a penalty or weight clipping sees to.
    """

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        """Return E[D(G(z))] - E[D(x)]."""
        return fake.float().mean() - real.float().mean()

    def generator(self, fake: Tensor, real: Callable[[], Tensor] | None = None) -> Tensor:
        """Return -E[D(G(z))]."""
        return -fake.float().mean()

    def output(self, logits: Tensor) -> Tensor:
        """Return the score itself, unbounded."""
        return logits.float()


class Relativistic:
    """Real against fake in pairs; `output` is the raw score (arXiv 1807.00734; 2501.05441, eq. 2).

    With f(t) = -log(1 + exp(-t)) the discriminator maximizes E[f(D(x) - D(G(z)))] over pairs of one real and one
    fake image; the generator minimizes the same with the images' roles exchanged, as its authors train it. Real and
    fake logits have the same shape.
    """

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        """Return E[log(1 + exp(D(G(z)) - D(x)))]."""
        return softplus(fake.float() - real.float()).mean()

    def generator(self, fake: Tensor, real: Callable[[], Tensor] | None = None) -> Tensor:
        """Return E[log(1 + exp(D(x) - D(G(z))))]; raises ValueError without the real batch's logits."""
        if real is None:
            raise ValueError("a relativistic loss compares fake logits with real ones: give it both")
        return self.discriminator(fake, real())

    def output(self, logits: Tensor) -> Tensor:
        """Return the score itself, of which only differences mean something."""
        return logits.float()


@runtime_checkable
class ScheduledLoss(Protocol):
    """A loss that changes in training."""

    def follow(self, scalar: Scalar) -> None:
        """Set what follows a schedule, before the loss of a turn is computed."""
        ...


class TopK(nn.Module):
    """Another loss, ``of``, whose generator learns from the fakes with the highest logits only (arXiv 2002.06224).

    The share of fakes that count falls from 1 linearly to ``share`` at the fraction ``until`` of the budget, and stays
    there; the paper's falls by a constant factor in each epoch (section 3). At least one counts, and with
    `model.accumulate` one of each part. The discriminator's loss is that of ``of``, whose generator's loss must be a
    mean over logits of fakes alone. Raises UserError unless ``share`` and ``until`` are above 0 and at most 1.
    """

    present: Tensor

    def __init__(self, of: Loss, share: float = 0.5, until: float = 0.5) -> None:
        super().__init__()
        for name, value in (("share", share), ("until", until)):
            if not 0 < value <= 1:
                raise UserError(f"loss.{name}={value}: it must be above 0 and at most 1, for example 0.5")
        self.of = of
        self.share = share
        self.until = until
        # A function of progress, so no checkpoint needs it.
        self.register_buffer("present", torch.ones(()), persistent=False)

    @torch.no_grad()
    def follow(self, scalar: Scalar) -> None:
        """Set the share to that at the game's progress."""
        share = scalar("share of the best fakes", self.share_at)
        if isinstance(share, Tensor):
            self.present.copy_(share)
        else:
            self.present.fill_(share)

    def share_at(self, progress: float) -> float:
        """Return the share of fakes that count at a progress in [0, 1]."""
        return 1 - (1 - self.share) * min(1.0, progress / self.until)

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        """Return the discriminator's loss of ``of``."""
        return self.of.discriminator(real, fake)

    def generator(self, fake: Tensor, real: Callable[[], Tensor] | None = None) -> Tensor:
        """Return the mean loss of the best fakes, by the mean of their logits (N, …), a scalar in float32.

        The best are those of all ranks: the mean of the ranks' losses is that of a single process.
        """
        losses = torch.vmap(self.of.generator)(fake)
        mean = fake.detach().float().flatten(1).mean(1) if fake.dim() > 1 else fake.detach()
        place = collectives.gathered(mean).argsort(descending=True, stable=True).argsort()
        # By a mask, as the number that counts is on the device, where a captured turn reads it.
        counted = (place < (self.present * len(place)).round().clamp(min=1)).to(losses.dtype)
        return (losses * collectives.own_rows(counted)).sum() / counted.sum() * collectives.count()

    def output(self, logits: Tensor) -> Tensor:
        """Return the discriminator's answer as ``of`` reads it."""
        return self.of.output(logits)
