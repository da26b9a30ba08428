"""DRAGAN's gradient penalty around real images (arXiv 1705.07215)."""

import torch
from torch import Tensor

from ganexp.distributed import collectives
from ganexp.numerics.gradients import input_gradient, norm_per_image, promote_to_float32
from ganexp.penalties.base import CriticTurn, Penalty, Schedule


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
