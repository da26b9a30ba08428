"""The gradient penalty of WGAN-GP (arXiv 1704.00028)."""

import torch
from torch import Tensor
from torch.nn.functional import relu

from ganexp.numerics.gradients import input_gradient, norm_per_image, promote_to_float32
from ganexp.penalties.base import CriticTurn, Penalty, Schedule


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


def interpolates(turn: CriticTurn) -> Tensor:
    """Return a uniformly random point (N, C, H, W) between every real image and a fake one."""
    epsilon = turn.draw(len(turn.real), lambda total, rng: torch.rand(total, generator=rng, device=rng.device))
    real, fake = promote_to_float32(turn.real), promote_to_float32(turn.fake)
    return fake + epsilon[:, None, None, None] * (real - fake)
