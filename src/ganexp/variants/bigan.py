"""The bidirectional GAN (arXiv 1605.09782): its discriminator judges pairs of an image and a latent."""

from typing import Unpack

import torch
from torch import Tensor

from ganexp.game.batches import Batch
from ganexp.game.loss_history import Terms
from ganexp.networks.autoencoder import Autoencoder
from ganexp.variants.critic import Critic
from ganexp.variants.encoding import EncodingGame, require_latents
from ganexp.variants.gan import GAN, GANSettings


class BiGAN(EncodingGame, GAN):
    """A generator and an encoder against a discriminator of images and latents (algorithm 1).

    The discriminator distinguishes real images with their codes from latents with what the generator makes of them.
    Generator and encoder together minimize its loss with the two kinds of pairs exchanged, which has stronger gradients
    than its negative (section 3.4 and the authors' code). At the optimum the encoder inverts the generator (theorem 2).

    Penalties take gradients with respect to images alone, with the codes as a condition.
    """

    generator: Autoencoder

    def __init__(self, **gan: Unpack[GANSettings]) -> None:
        super().__init__(**gan)
        require_latents(self.generator.encoder, self.latent)

    def discriminator_loss(self, batch: Batch) -> Terms:
        """Return the terms of the discriminator's loss on real images with codes, and on latents with fakes."""
        real = batch["image"]
        latents = self.draw_noise("discriminator", len(real))
        with torch.no_grad():
            fake, codes = self.generator(latents), self.generator.encoder(real)
        return self.adversary.discriminator(self, self.critic(codes), real, fake, self.critic(latents))

    def generator_loss(self, batch: Batch) -> Terms:
        """Return the discriminator's loss with real and fake pairs exchanged."""
        real = self.repeated(batch["image"])
        latents = self.draw_noise("generator", len(real))
        fake, codes = self.generator(latents), self.generator.encoder(real)
        exchanged = self.adversary.exchanged(self, self.critic(codes), real, fake, self.critic(latents))
        return exchanged | self.regularization_terms()

    def critic(self, latents: Tensor) -> Critic:
        """Return the critic of images that are paired with latents (N, latent)."""
        return Critic(self.discriminator, latents)

    def judge(self, images: Tensor) -> Tensor:
        """Return the discriminator's logits (N,) of images (N, C, H, W) paired with their codes."""
        return self.critic(self.encode(images))(images)

    def current_samples(self, n: int, batch: Batch) -> tuple[Tensor, Critic]:
        """Return ``n`` samples of the generator as it is now, and the critic of images with the samples' latents."""
        noise = self.sampler.current_noise(n, self.batches_seen)
        weights = next(self.discriminator.parameters())
        return self.sampler.generate(noise, network=self.generator), self.critic(noise.to(weights))
