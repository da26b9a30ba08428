"""Penalties on the discriminator, each a term that it minimizes besides its loss."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import relu

from ganexp.distributed import collectives
from ganexp.errors import UserError
from ganexp.partials import plain

Draw = Callable[[int, Callable[[int, torch.Generator], Tensor]], Tensor]
Schedule = Callable[[float], float]


@dataclass(frozen=True)
class CriticTurn:
    """What a penalty may look at in the discriminator's turn."""

    critic: Callable[[Tensor], Tensor]  # from images (N, C, H, W) to logits (N, …), the real images' labels bound
    fake_critic: Callable[[Tensor], Tensor]  # likewise with the labels of the fake images
    real: Tensor  # images (N, C, H, W) in [-1, 1], detached
    fake: Tensor  # likewise
    real_logits: Tensor  # (N, …)
    fake_logits: Tensor  # (N, …)
    draw: Draw  # n rows of what is drawn for the global batch; a penalty calls it once at most
    progress: float = 0.0  # the share of the budget already seen, in [0, 1]


class Penalty(nn.Module):
    """A value that is weighted and, at every so-manieth turn only, added to the discriminator's loss.

    ``every`` is the interval of lazy regularization (arXiv 1912.04958, section 3.1): the caller leaves out
    the turns between. ``schedule`` maps progress in [0, 1] to a factor on the weight, as R3GAN's gamma falls
    (arXiv 2501.05441); none keeps it. Raises UserError unless the weight is finite and at least 0 and ``every``
    at least 1.
    """

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
        """Return what the weight multiplies, a scalar in float32 (float64 for images in float64)."""
        raise NotImplementedError("a penalty says what it penalizes")

    def forward(self, turn: CriticTurn) -> Tensor:
        """Return the weighted penalty, a scalar."""
        factor = 1.0 if self.schedule is None else self.schedule(turn.progress)
        return factor * self.weight * self.value(turn)

    def term(self, turn: CriticTurn) -> Tensor:
        """Return what the discriminator minimizes: the weighted penalty, also for the turns left out."""
        return self.every * self(turn)


class GradientPenalty(Penalty):
    """Gradients of norm 1 between real and fake images (arXiv 1704.00028, eq. 3).

    ``one_sided`` leaves norms below 1 alone (section 4).
    """

    def __init__(
        self, weight: float = 10.0, every: int = 1, schedule: Schedule | None = None, one_sided: bool = False
    ) -> None:
        super().__init__(weight, every, schedule)
        self.one_sided = one_sided

    def value(self, turn: CriticTurn) -> Tensor:
        """Return E[(|grad D(x)| - 1)^2] at a random point x between each real image and a fake one."""
        excess = norm(input_gradient(turn.critic, interpolates(turn))) - 1
        return (relu(excess) if self.one_sided else excess).square().mean()


class R1(Penalty):
    """No gradient at real images; the weight is the paper's gamma (arXiv 1801.04406, eq. 9)."""

    def value(self, turn: CriticTurn) -> Tensor:
        """Return E[|grad D(x)|^2] / 2."""
        return squared_norm(input_gradient(turn.critic, turn.real)).mean() / 2


class R2(Penalty):
    """No gradient at fake images; the weight is the paper's gamma (arXiv 1801.04406, eq. 10)."""

    def value(self, turn: CriticTurn) -> Tensor:
        """Return E[|grad D(G(z))|^2] / 2."""
        return squared_norm(input_gradient(turn.fake_critic, turn.fake)).mean() / 2


class Dragan(Penalty):
    """Gradients of norm 1 around real images (arXiv 1705.07215).

    Noise is the authors' code's, uniform on [0, std(x) / 2] with the deviation of all numbers of the batch;
    the paper writes N(0, c I).
    """

    def value(self, turn: CriticTurn) -> Tensor:
        """Return E[(|grad D(x + delta)| - 1)^2]."""
        return (norm(input_gradient(turn.critic, surroundings(turn))) - 1).square().mean()


class LeCam(Penalty):
    """Logits near the moving average of the other side's, the regularizer R_LC of arXiv 2104.03310.

    Averages start at 0, move at each call in training mode and are part of the state. The weight is the authors'
    for CIFAR-10. Raises UserError unless ``decay`` is in [0, 1).
    """

    real_average: Tensor
    fake_average: Tensor

    def __init__(
        self, weight: float = 0.3, every: int = 1, schedule: Schedule | None = None, decay: float = 0.99
    ) -> None:
        super().__init__(weight, every, schedule)
        if not 0 <= decay < 1:
            raise UserError(f"LeCam: decay={decay}: it must be at least 0 and below 1, for example 0.99")
        self.decay = decay
        self.register_buffer("real_average", torch.zeros(()))
        self.register_buffer("fake_average", torch.zeros(()))

    def value(self, turn: CriticTurn) -> Tensor:
        """Return E[(D(x) - a_F)^2] + E[(D(G(z)) - a_R)^2] with the averages of the logits of both sides."""
        real, fake = at_least_float32(turn.real_logits), at_least_float32(turn.fake_logits)
        if self.training:
            self._follow(real, fake)
        return (real - self.fake_average).square().mean() + (fake - self.real_average).square().mean()

    @torch.no_grad()
    def _follow(self, real: Tensor, fake: Tensor) -> None:
        self.real_average.mul_(self.decay).add_(collectives.mean(real.mean()), alpha=1 - self.decay)
        self.fake_average.mul_(self.decay).add_(collectives.mean(fake.mean()), alpha=1 - self.decay)


def interpolates(turn: CriticTurn) -> Tensor:
    """Return a uniformly random point (N, C, H, W) between each pair of a real and a fake image."""
    epsilon = turn.draw(len(turn.real), lambda total, rng: torch.rand(total, generator=rng, device=rng.device))
    real, fake = at_least_float32(turn.real), at_least_float32(turn.fake)
    return fake + epsilon[:, None, None, None] * (real - fake)


def surroundings(turn: CriticTurn) -> Tensor:
    """Return the real images (N, C, H, W) with uniform noise of half their deviation."""
    real = at_least_float32(turn.real)
    shape = real.shape[1:]
    noise = turn.draw(len(real), lambda total, rng: torch.rand(total, *shape, generator=rng, device=rng.device))
    return real + collectives.deviation(real) / 2 * noise


def input_gradient(critic: Callable[[Tensor], Tensor], images: Tensor) -> Tensor:
    """Return the gradient (N, C, H, W) of each image's summed logits by the image, itself differentiable."""
    with torch.autocast(images.device.type, enabled=False):
        images = at_least_float32(images.detach()).requires_grad_()
        # An image's logits depend on that image only, so the sum over all of them mixes nothing.
        (gradient,) = torch.autograd.grad(critic(images).sum(), images, create_graph=True)
    return gradient


def norm(gradient: Tensor) -> Tensor:
    """Return each image's norm (N,) over all of its dimensions."""
    # The root has no derivative at 0, where a dead critic's gradient lies.
    return (squared_norm(gradient) + 1e-12).sqrt()


def squared_norm(gradient: Tensor) -> Tensor:
    """Return each image's squared norm (N,) over all of its dimensions."""
    return gradient.square().flatten(1).sum(1)


def at_least_float32(tensor: Tensor) -> Tensor:
    """Return the tensor in float32, or in its own type where that is more exact."""
    return tensor.to(torch.promote_types(tensor.dtype, torch.float32))
