"""Games: who plays, and what each player minimizes."""

from typing import Unpack

from torch import Tensor

from ganexp.game.batches import Batch
from ganexp.game.loss_history import Terms
from ganexp.variants.critic import Critic
from ganexp.variants.gan import GAN, GANSettings


class ModeSeeking(GAN):
    """A GAN whose generator is rewarded for different images of different noise (arXiv 1903.05628, eq. 3).

    ``weight`` is that of the term in the generator's loss, whose curve is generator/mode_seeking.
    """

    def __init__(self, weight: float = 0.1, **gan: Unpack[GANSettings]) -> None:
        super().__init__(**gan)
        self.weight = weight

    def generator_loss(self, batch: Batch) -> Terms:
        """Return the terms of the generator's loss, which are added up, by their names."""
        real = batch["image"]
        noise = self.draw_noise("generator", len(real))
        fake = self.generator(noise)
        terms = self.adversary.generator(self, Critic(self.discriminator), real, fake)
        return terms | {"mode_seeking": self.weight * mode_seeking(noise, fake)}


def mode_seeking(noise: Tensor, images: Tensor) -> Tensor:
    """Return the ratio of the distances of neighbours in a batch, of noise (N, latent) over images (N, C, H, W)."""
    return distance(noise) / (distance(images) + 1e-5)


def distance(values: Tensor) -> Tensor:
    """Return the mean absolute difference of each item of a batch (N, ...) and the next one."""
    return (values - values.roll(1, 0)).abs().mean()
