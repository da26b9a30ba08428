"""LeCam's regularization of logits by moving averages (arXiv 2104.03310)."""

import torch
from torch import Tensor
from torch.nn.functional import relu

from ganexp.distributed import collectives
from ganexp.errors import UserError
from ganexp.numerics.gradients import promote_to_float32
from ganexp.penalties.base import CriticTurn, Penalty, Schedule


class LeCam(Penalty):
    """Pulls real logits towards the moving average of fake ones and vice versa, R_LC as arXiv 2104.03310 has it.

    The averages start at 0, keep the share ``decay`` of themselves in each turn in training mode and are part of the
    state. The weight is the authors' for CIFAR-10, whose scores were computed with `HingeLeCam`. Raises UserError
    unless ``decay`` is in [0, 1).
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
            self._update_averages(real, fake, turn.parts)
        return (real - self.fake_average).square().mean() + (fake - self.real_average).square().mean()

    @torch.no_grad()
    def _update_averages(self, real: Tensor, fake: Tensor, parts: int) -> None:
        decay = self.decay ** (1 / parts)
        self.real_average.mul_(decay).add_(collectives.mean(real.mean()), alpha=1 - decay)
        self.fake_average.mul_(decay).add_(collectives.mean(fake.mean()), alpha=1 - decay)


class HingeLeCam(LeCam):
    """Pulls real logits down to the moving average of fake ones, and fake logits up to that of real ones.

    Logits on the near side of the other average are left alone, so that the term is 0 once the averages have crossed
    them. This is the form of the authors' code and of their scores (google/lecam-gan biggan_cifar/losses.py). In
    training, turns before number ``start`` replace the averages instead of updating them, and the value is 0 up to
    number ``start``; the number of calls, of which a turn has one for each part, is part of the state. Raises UserError
    unless ``decay`` is in [0, 1) and ``start`` at least 0.
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
            self._update_averages(real, fake, turn.parts)
        value = relu(real - self.fake_average).square().mean() + relu(self.real_average - fake).square().mean()
        # On the device, since the number of calls differs between replays of a captured turn.
        return torch.where(self.calls > self.start * turn.parts, value, 0) if self.training else value

    @torch.no_grad()
    def _update_averages(self, real: Tensor, fake: Tensor, parts: int) -> None:
        self.calls.add_(1)
        decay = torch.where(self.calls <= (self.start - 1) * parts, 0.0, self.decay ** (1 / parts)).to(
            self.real_average
        )
        for average, logits in ((self.real_average, real), (self.fake_average, fake)):
            latest = collectives.mean(logits.mean()).to(average)
            average.copy_(latest.lerp(average, decay))
