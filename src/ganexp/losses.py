"""Adversarial losses on logits, each to be minimized; all are computed in float32."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from torch import Tensor
from torch.nn.functional import relu, softplus


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
