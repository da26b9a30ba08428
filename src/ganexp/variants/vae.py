"""The variational autoencoder (arXiv 1312.6114)."""

from collections.abc import Callable, Mapping
from typing import Unpack

from torch import Tensor, nn

from ganexp.augmentation.base import Augmentation
from ganexp.game.batches import Batch
from ganexp.game.loss_history import Terms
from ganexp.game.module import Player
from ganexp.losses import Loss
from ganexp.networks.autoencoder import Autoencoder
from ganexp.penalties.base import Penalty
from ganexp.variants.critic import require_no_discriminator
from ganexp.variants.encoding import EncodingGame, require_latents, require_normal
from ganexp.variants.generation import GenerationSettings
from ganexp.variants.likelihood import kl_from_standard_normal, reparameterized

Likelihood = Callable[[Tensor, Tensor], Tensor]
"""Maps reconstructions and images (N, C, H, W) to the negative logarithms of the images' likelihoods (N,), in nats."""


class VAE(EncodingGame):
    """An encoder and a generator that together maximize the evidence lower bound of the images' likelihood (eq. 10).

    They minimize the negative log-likelihood of each image given one latent drawn from its code, and ``beta`` times the
    code's divergence from the prior: with ``beta`` of 1 the sum is the bound, in nats per image; above 1 codes come
    closer to the prior (beta-VAE, arXiv 1804.03599). There is no discriminator, and ``loss`` has no effect.

    Raises ValueError for noise that is not normal, which the divergence is computed for, and for penalties, a
    constraint or an augmentation, all of which need a discriminator.
    """

    generator: Autoencoder

    def __init__(
        self,
        likelihood: Likelihood,
        beta: float = 1.0,
        loss: Loss | None = None,
        penalties: Mapping[str, Penalty | None] | None = None,
        constraint: Callable[[nn.Module], None] | None = None,
        augmentation: Augmentation | None = None,
        **generation: Unpack[GenerationSettings],
    ) -> None:
        super().__init__(**generation)
        require_no_discriminator(penalties, constraint, augmentation, instead="model=vaegan")
        require_normal(self.noise)
        require_latents(self.generator.encoder, self.latent)
        self.likelihood = likelihood
        self.beta = beta
        self.loss = loss

    def players(self) -> list[Player]:
        """Return the generator with its encoder."""
        return [Player("generator", self.generator, self.generator_loss, average=self.average)]

    def generator_loss(self, batch: Batch) -> Terms:
        """Return the terms of the negative evidence lower bound, means over the batch in nats."""
        images = batch["image"]
        mean, log_variance = self.generator.encoder(images)
        latents = reparameterized(mean, log_variance, self.draw_noise("generator", len(images)))
        return {
            "reconstruction": self.likelihood(self.generator(latents), images).mean(),
            "kl": self.beta * kl_from_standard_normal(mean, log_variance).mean(),
        }
