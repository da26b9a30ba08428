"""Consistency regularization: balanced on transformed images, latent on perturbed noise (arXiv 2002.04724)."""

from typing import ClassVar

import torch
from torch import Tensor

from ganexp.errors import UserError
from ganexp.numerics.gradients import promote_to_float32
from ganexp.penalties.base import CriticTurn, GeneratorTurn, Penalty, Schedule


class BalancedConsistency(Penalty):
    """Penalizes logits that change when an image is flipped and shifted, bCR (arXiv 2002.04724, algorithm 1).

    Half of the images are flipped; all are shifted by up to ``shift`` of their sides, and reflected at the borders.
    ``fake`` weights the fake images relative to the real ones: 1 is the paper's, 0 leaves the real ones alone, which is
    consistency regularization (arXiv 1910.12027). With an augmentation the images are those that it made. Raises
    UserError unless ``shift`` is in [0, 1) and ``fake`` at least 0.
    """

    def __init__(
        self,
        weight: float = 10.0,
        every: int = 1,
        schedule: Schedule | None = None,
        fake: float = 1.0,
        shift: float = 0.125,
    ) -> None:
        super().__init__(weight, every, schedule)
        if not 0 <= shift < 1:
            raise UserError(f"BalancedConsistency: shift={shift}: it must be at least 0 and below 1, for example 0.125")
        if not fake >= 0:
            raise UserError(f"BalancedConsistency: fake={fake}: it must be at least 0, for example 1")
        self.fake = fake
        self.shift = shift

    def value(self, turn: CriticTurn) -> Tensor:
        """Return E[(D(x) - D(T(x)))^2] + fake E[(D(G(z)) - D(T(G(z))))^2] with random T."""
        number = len(turn.real)
        uniform = turn.draw(number, lambda total, rng: torch.rand(total, 2, 3, generator=rng, device=rng.device))
        real = flipped_and_shifted(turn.real, uniform[:, 0], self.shift)
        value = mean_square(turn.real_logits, turn.critic(real))
        if self.fake == 0:
            return value
        fake = flipped_and_shifted(turn.fake, uniform[:, 1], self.shift)
        return value + self.fake * mean_square(turn.fake_logits, turn.fake_critic(fake))


class LatentConsistency(Penalty):
    """Penalizes logits that change with the noise, and fakes that do not, zCR (arXiv 2002.04724, algorithm 2).

    The noise is perturbed by N(0, ``std``^2). The discriminator's term has the ``weight``; the generator maximizes the
    mean squared difference of its images, with the weight ``generator_weight``, in each of its turns, whatever
    ``every`` is; both follow the schedule. Raises UserError unless ``std`` is above 0 and ``generator_weight`` at
    least 0.
    """

    affects_generator: ClassVar[bool] = True

    def __init__(
        self,
        weight: float = 5.0,
        every: int = 1,
        schedule: Schedule | None = None,
        generator_weight: float = 0.5,
        std: float = 0.05,
    ) -> None:
        super().__init__(weight, every, schedule)
        if not generator_weight >= 0:
            raise UserError(f"LatentConsistency: generator_weight={generator_weight}: it must be at least 0")
        if not std > 0:
            raise UserError(f"LatentConsistency: std={std}: it must be above 0, for example 0.05")
        self.generator_weight = generator_weight
        self.std = std

    def value(self, turn: CriticTurn) -> Tensor:
        """Return E[(D(G(z)) - D(G(z + dz)))^2]."""
        return mean_square(turn.fake_logits, turn.fake_critic(self._perturbed(turn)))

    def generator_value(self, turn: GeneratorTurn) -> Tensor:
        """Return -E[(G(z) - G(z + dz))^2], a mean over pixels, times ``generator_weight``."""
        return -self.generator_weight * mean_square(turn.fake, self._perturbed(turn))

    def _perturbed(self, turn: CriticTurn | GeneratorTurn) -> Tensor:
        """Return the fakes (N, C, H, W) of the perturbed noise."""
        if turn.regenerate is None:
            raise UserError("penalty=zcr perturbs the generator's noise, and this model makes its fakes without")

        def perturbed(noise: Tensor) -> Tensor:
            shape = noise.shape[1:]
            step = turn.draw(
                len(noise), lambda total, rng: torch.randn(total, *shape, generator=rng, device=rng.device)
            )
            return noise + self.std * step.to(noise.dtype)

        return turn.regenerate(perturbed)


def mean_square(one: Tensor, other: Tensor) -> Tensor:
    """Return the mean squared difference of two tensors (N, …), a scalar in float32 or better."""
    return (promote_to_float32(one) - promote_to_float32(other)).square().mean()


def flipped_and_shifted(images: Tensor, uniform: Tensor, shift: float) -> Tensor:
    """Return images (N, C, H, W), half of them flipped, shifted and reflected, from numbers (N, 3) in [0, 1)."""
    height, width = images.shape[2:]
    rows = shifted_positions(height, uniform[:, 0], shift)
    columns = shifted_positions(width, uniform[:, 1], shift)
    columns = torch.where(uniform[:, 2:] < 0.5, width - 1 - columns, columns)
    images = images.gather(2, rows[:, None, :, None].expand_as(images))
    return images.gather(3, columns[:, None, None, :].expand_as(images))


def shifted_positions(size: int, uniform: Tensor, shift: float) -> Tensor:
    """Return for every image the source (N, size) of each position, shifted by up to ``shift`` and reflected."""
    most = int(shift * size)
    offset = (uniform * (2 * most + 1)).long() - most
    position = (torch.arange(size, device=uniform.device) + offset[:, None]).abs()
    return size - 1 - (size - 1 - position).abs()
