"""Penalties: regularization terms that are added to the discriminator's loss."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
from torch import Tensor, nn
from torch.nn.functional import relu

from ganexp.distributed import collectives
from ganexp.errors import UserError
from ganexp.numerics.gradients import (
    autocast_dtype,
    gradient_of_logits,
    input_gradient,
    norm_per_image,
    promote_to_float32,
    squared_norm_per_image,
)
from ganexp.partials import plain

Draw = Callable[[int, Callable[[int, torch.Generator], Tensor]], Tensor]
Schedule = Callable[[float], float]
Side = Literal["real", "fake"]


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

    @property
    def progress(self) -> float:
        """The fraction of the budget already seen, in [0, 1]."""
        return self.read_progress()


class Penalty(nn.Module):
    """A weighted value that is added to the discriminator's loss on every ``every``-th batch.

    ``every`` is the interval of lazy regularization (arXiv 1912.04958, section 3.1); the caller skips the batches in
    between. ``schedule`` maps progress in [0, 1] to a factor on the weight, as R3GAN's gamma falls (arXiv 2501.05441);
    with None the weight is constant. Raises UserError unless the weight is finite and at least 0 and ``every`` is at
    least 1.
    """

    through_augmentation: bool = False
    """Whether the images of its turn are those before augmentation, which is then part of the critic."""

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

    def weight_at(self, progress: float) -> float:
        """Return the weight at a progress in [0, 1]."""
        return self.weight if self.schedule is None else self.schedule(progress) * self.weight

    def forward(self, turn: CriticTurn, weight: float | Tensor | None = None) -> Tensor:
        """Return the penalty, a scalar, times ``weight``, by default the weight at the turn's progress."""
        if weight is None:
            weight = self.weight if self.schedule is None else self.weight_at(turn.progress)
        value = self.value(turn)
        return (weight.to(value) if isinstance(weight, Tensor) else weight) * value

    def differentiates(self, side: Side, images: Tensor) -> bool:
        """Return whether the value may use the gradient of a side's logits at its images (N, C, H, W).

        The caller then lets these images require gradients before they are judged, and passes them as ``judged_real``
        or ``judged_fake`` of the turn, which saves a second forward pass. Most penalties need no gradients, or need
        them at points between or around the images, of which there are no logits yet.
        """
        return False

    def term(self, turn: CriticTurn, weight: float | Tensor | None = None) -> Tensor:
        """Return the term of the loss: the weighted penalty times ``every``, to make up for the batches skipped."""
        output: Tensor = self.every * self(turn, weight)
        return output


class GradientPenalty(Penalty):
    """Penalizes gradients whose norm is not 1 between real and fake images (arXiv 1704.00028, eq. 3).

    ``one_sided`` only penalizes norms above 1 (section 4). With an augmentation these are points between augmented
    images, the two distributions that the critic is to tell apart.
    """

    def __init__(
        self, weight: float = 10.0, every: int = 1, schedule: Schedule | None = None, one_sided: bool = False
    ) -> None:
        super().__init__(weight, every, schedule)
        self.one_sided = one_sided

    def value(self, turn: CriticTurn) -> Tensor:
        """Return E[(|grad D(x)| - 1)^2] at a random point x between every real image and a fake one."""
        excess = norm_per_image(input_gradient(turn.critic, interpolates(turn))) - 1
        return (relu(excess) if self.one_sided else excess).square().mean()


class ZeroCentred(Penalty):
    """Penalizes the gradients of the logits at the images of one side (arXiv 1801.04406, section 4.1).

    The gradients are taken of the logits that the discriminator's loss has, without a second forward pass. Under
    autocast those logits are too coarse, so the images are judged again in float32; with ``autocast`` the logits are
    used if they are in bfloat16, and gradients and second derivatives are in bfloat16 too. Logits in float16 are never
    used, as small gradients would become 0.

    With an augmentation, gradients are taken at the augmented images. With ``through_augmentation`` they are taken at
    the images before it, as if it were the discriminator's first layer: so does the authors' code of StyleGAN2-ADA
    (arXiv 2006.06676) and of R3GAN (arXiv 2501.05441).
    """

    side: ClassVar[Side]

    def __init__(
        self,
        weight: float = 10.0,
        every: int = 1,
        schedule: Schedule | None = None,
        autocast: bool = False,
        through_augmentation: bool = False,
    ) -> None:
        super().__init__(weight, every, schedule)
        self.autocast = autocast
        self.through_augmentation = through_augmentation

    def differentiates(self, side: Side, images: Tensor) -> bool:
        """Return whether the logits of this side are those penalized, and precise enough."""
        lowered = autocast_dtype(images.device)
        is_precise = lowered is None or (self.autocast and lowered is torch.bfloat16)
        return side == self.side and is_precise and images.dtype in (torch.float32, torch.float64)

    def half_squared_norm(
        self, critic: Callable[[Tensor], Tensor], images: Tensor, logits: Tensor, judged: Tensor | None
    ) -> Tensor:
        """Return E[|grad D(x)|^2] / 2 at images (N, C, H, W), a scalar.

        ``judged`` are the images that ``logits`` were computed from; with None the critic judges ``images`` again.
        """
        if judged is not None and self.differentiates(self.side, judged):
            gradient = gradient_of_logits(logits, judged)
        else:
            gradient = input_gradient(critic, images)
        return squared_norm_per_image(gradient).mean() / 2


class R1(ZeroCentred):
    """Penalizes gradients at real images; the weight is the paper's gamma (arXiv 1801.04406, eq. 9)."""

    side = "real"

    def value(self, turn: CriticTurn) -> Tensor:
        """Return E[|grad D(x)|^2] / 2."""
        return self.half_squared_norm(turn.critic, turn.real, turn.real_logits, turn.judged_real)


class R2(ZeroCentred):
    """Penalizes gradients at fake images; the weight is the paper's gamma (arXiv 1801.04406, eq. 10)."""

    side = "fake"

    def value(self, turn: CriticTurn) -> Tensor:
        """Return E[|grad D(G(z))|^2] / 2."""
        return self.half_squared_norm(turn.fake_critic, turn.fake, turn.fake_logits, turn.judged_fake)


class Dragan(Penalty):
    """Penalizes gradients whose norm is not 1 around real images (arXiv 1705.07215).

    The noise is that of the authors' code, uniform on [0, std(x) / 2] with the standard deviation over the whole batch;
    the paper has N(0, c I). ``interpolated`` takes a uniformly random point between every image and its noisy version,
    as the code does; without it all the noise is added. With an augmentation the images are augmented ones.
    """

    def __init__(
        self, weight: float = 10.0, every: int = 1, schedule: Schedule | None = None, interpolated: bool = False
    ) -> None:
        super().__init__(weight, every, schedule)
        self.interpolated = interpolated

    def value(self, turn: CriticTurn) -> Tensor:
        """Return E[(|grad D(x + delta)| - 1)^2]."""
        points = between_perturbed(turn) if self.interpolated else perturbed(turn)
        return (norm_per_image(input_gradient(turn.critic, points)) - 1).square().mean()


class LeCam(Penalty):
    """Pulls real logits towards the moving average of fake ones and vice versa, R_LC as arXiv 2104.03310 has it.

    The averages start at 0, are updated by every call in training mode and are part of the state. The weight is the
    authors' for CIFAR-10, whose scores were computed with `HingeLeCam`. Raises UserError unless ``decay`` is in [0, 1).
    """

    real_average: Tensor
    fake_average: Tensor

    def __init__(
        self, weight: float = 0.3, every: int = 1, schedule: Schedule | None = None, decay: float = 0.99
    ) -> None:
        super().__init__(weight, every, schedule)
        if not 0 <= decay < 1:
            raise UserError(
                f"{type(self).__name__}: decay={decay}: it must be at least 0 and below 1, for example 0.99"
            )
        self.decay = decay
        self.register_buffer("real_average", torch.zeros(()))
        self.register_buffer("fake_average", torch.zeros(()))

    def value(self, turn: CriticTurn) -> Tensor:
        """Return E[(D(x) - a_F)^2] + E[(D(G(z)) - a_R)^2] with the moving averages a_R and a_F."""
        real, fake = promote_to_float32(turn.real_logits), promote_to_float32(turn.fake_logits)
        if self.training:
            self._update_averages(real, fake)
        return (real - self.fake_average).square().mean() + (fake - self.real_average).square().mean()

    @torch.no_grad()
    def _update_averages(self, real: Tensor, fake: Tensor) -> None:
        self.real_average.mul_(self.decay).add_(collectives.mean(real.mean()), alpha=1 - self.decay)
        self.fake_average.mul_(self.decay).add_(collectives.mean(fake.mean()), alpha=1 - self.decay)


class HingeLeCam(LeCam):
    """Pulls real logits down to the moving average of fake ones, and fake logits up to that of real ones.

    Logits on the near side of the other average are left alone, so that the term is 0 once the averages have crossed
    them. This is the form of the authors' code and of their scores (google/lecam-gan biggan_cifar/losses.py). In
    training, calls before number ``start`` replace the averages instead of updating them, and the value is 0 up to
    number ``start``; the number is part of the state. Raises UserError unless ``decay`` is in [0, 1) and ``start`` at
    least 0.
    """

    calls: Tensor

    def __init__(
        self,
        weight: float = 0.3,
        every: int = 1,
        schedule: Schedule | None = None,
        decay: float = 0.9,
        start: int = 4_000,
    ) -> None:
        super().__init__(weight, every, schedule, decay)
        if start < 0:
            raise UserError(f"HingeLeCam: start={start}: it must be at least 0, which is from the first turn")
        self.start = start
        self.register_buffer("calls", torch.zeros((), dtype=torch.int64))

    def value(self, turn: CriticTurn) -> Tensor:
        """Return E[max(0, D(x) - a_F)^2] + E[max(0, a_R - D(G(z)))^2] with the moving averages a_R and a_F."""
        real, fake = promote_to_float32(turn.real_logits), promote_to_float32(turn.fake_logits)
        if self.training:
            self._update_averages(real, fake)
        value = relu(real - self.fake_average).square().mean() + relu(self.real_average - fake).square().mean()
        # On the device, since the number of calls differs between replays of a captured turn.
        return torch.where(self.calls > self.start, value, 0) if self.training else value

    @torch.no_grad()
    def _update_averages(self, real: Tensor, fake: Tensor) -> None:
        self.calls.add_(1)
        decay = torch.where(self.calls < self.start, 0.0, self.decay).to(self.real_average)
        for average, logits in ((self.real_average, real), (self.fake_average, fake)):
            latest = collectives.mean(logits.mean()).to(average)
            average.copy_(latest.lerp(average, decay))


def interpolates(turn: CriticTurn) -> Tensor:
    """Return a uniformly random point (N, C, H, W) between every real image and a fake one."""
    epsilon = turn.draw(len(turn.real), lambda total, rng: torch.rand(total, generator=rng, device=rng.device))
    real, fake = promote_to_float32(turn.real), promote_to_float32(turn.fake)
    return fake + epsilon[:, None, None, None] * (real - fake)


def perturbed(turn: CriticTurn) -> Tensor:
    """Return the real images (N, C, H, W) plus uniform noise of up to half their standard deviation."""
    real = promote_to_float32(turn.real)
    shape = real.shape[1:]
    noise = turn.draw(len(real), lambda total, rng: torch.rand(total, *shape, generator=rng, device=rng.device))
    return real + collectives.deviation(real) / 2 * noise


def between_perturbed(turn: CriticTurn) -> Tensor:
    """Return a uniformly random point (N, C, H, W) between every real image and that image with `perturbed`'s noise."""
    real = promote_to_float32(turn.real)
    values = real[0].numel()
    numbers = turn.draw(len(real), lambda total, rng: torch.rand(total, 1 + values, generator=rng, device=rng.device))
    share, noise = numbers[:, :1, None, None], numbers[:, 1:].view_as(real)
    return real + share * collectives.deviation(real) / 2 * noise
