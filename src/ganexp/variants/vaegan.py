"""The VAE-GAN (arXiv 1512.09300): a discriminator's features measure the similarity of images."""

from collections.abc import Callable
from typing import Any, Unpack

import torch
from torch import Tensor, nn

from ganexp.game.batches import Batch
from ganexp.game.loss_history import Terms
from ganexp.game.module import Player
from ganexp.numerics.gradients import promote_to_float32
from ganexp.representations.feature_maps import NONLINEARITIES, recorded_features
from ganexp.variants.critic import Augment, Critic
from ganexp.variants.encoding import EncodingGame, require_latents, require_normal
from ganexp.variants.gan import GAN, GANSettings
from ganexp.variants.likelihood import kl_from_standard_normal, reparameterized


class SimilarityCritic(Critic):
    """A critic that also measures how far images are from their ``originals`` (N, C, H, W) in a layer's features.

    Of the images only the first ``count`` are reconstructions, of the first ``count`` originals.
    """

    def __init__(self, network: nn.Module, layer: int, count: int, originals: Tensor) -> None:
        super().__init__(network)
        self.layer = layer
        self.count = count
        self.originals = originals

    def judge(self, images: Tensor) -> tuple[Tensor, Terms]:
        """Return the logits, and half of the squared distance of features, summed over features (eq. 7)."""
        with torch.no_grad():
            _, wanted = self._logits_and_features(self.originals[: self.count])
        logits, features = self._logits_and_features(images)
        difference = promote_to_float32(features[: self.count]) - promote_to_float32(wanted)
        return logits, {"similarity": 0.5 * difference.square().flatten(1).sum(1).mean()}

    def augmented(self, augment: Augment) -> Critic:
        """Return the critic whose originals are augmented this way."""
        return SimilarityCritic(self.network, self.layer, self.count, augment(self.originals))  # type: ignore[arg-type]

    def _logits_and_features(self, images: Tensor) -> tuple[Tensor, Tensor]:
        with recorded_features(self.network) as features:  # type: ignore[arg-type]
            logits: Tensor = self.network(images)
        return logits, list(features.values())[self.layer - 1]


class VAEGAN(EncodingGame, GAN):
    """An encoder, a generator as its decoder, and a discriminator of reconstructions and samples (algorithm 1).

    Images are compared in the discriminator's hidden ``layer``, counted from the image, or in its last one: half of the
    squared distance of features, which is the negative logarithm of a normal density (eq. 7). The encoder minimizes
    this and ``beta`` times the divergence of codes from the prior; the generator ``gamma`` times this and its
    adversarial loss; the discriminator its adversarial loss on real images, reconstructions and samples, where both
    kinds of fakes weigh as much as the real images together.

    Raises ValueError for noise that is not normal, and for a layer that the discriminator does not have.
    """

    def __init__(
        self,
        encoder: nn.Module,
        gamma: float = 1e-3,
        beta: float = 1.0,
        layer: int | None = None,
        **gan: Unpack[GANSettings],
    ) -> None:
        super().__init__(**gan)
        require_normal(self.noise)
        require_latents(encoder, self.latent)
        self.encoder: Any = encoder
        ema: Callable[..., Any] | None = gan.get("ema")
        self.encoder_average = ema(encoder) if ema is not None else None
        self.gamma = gamma
        self.beta = beta
        layers = sum(isinstance(module, NONLINEARITIES) for module in self.discriminator.modules())
        self.layer = layers if layer is None else layer
        if not 1 <= self.layer <= layers:
            raise ValueError(f"model.layer={self.layer}: the discriminator has the hidden layers 1 to {layers}")

    @property
    def encoding_network(self) -> Any:
        """The encoder's moving average where there is one."""
        averages = self.encoder_average is not None and self.sampler.average is not None
        return self.encoder_average.network if averages else self.encoder  # type: ignore[union-attr]

    def players(self) -> list[Player]:
        """Return the discriminator, the encoder and the generator."""
        discriminator, generator = super().players()
        encoder = Player("encoder", self.encoder, self.encoder_loss, self.critic_steps, self.encoder_average)
        return [discriminator, encoder, generator]

    def discriminator_loss(self, batch: Batch) -> Terms:
        """Return the terms of the discriminator's loss on real images, and on reconstructions and samples."""
        real = batch["image"]
        with torch.no_grad():
            fake = self.reconstructions_and_samples("discriminator", real)
        # As many real images as fakes, which penalties and relativistic losses pair.
        return self.adversary.discriminator(self, Critic(self.discriminator), torch.cat([real, real]), fake)

    def encoder_loss(self, batch: Batch) -> Terms:
        """Return the divergence of the codes from the prior, and the distance of reconstructions in features."""
        real = self.repeated(batch["image"])
        mean, log_variance = self.encoder(real)
        fake = self.generator(reparameterized(mean, log_variance, self.draw_noise("encoder", len(real))))
        terms = self.adversary.generator(self, self.similarity_critic(len(real), real), real, fake)
        return {
            "kl": self.beta * kl_from_standard_normal(mean, log_variance).mean(),
            "reconstruction": terms["similarity"],
        }

    def generator_loss(self, batch: Batch) -> Terms:
        """Return the adversarial loss of reconstructions and samples, and the reconstructions' distance in features."""
        real = self.repeated(batch["image"])
        fake = self.reconstructions_and_samples("generator", real)
        twice = torch.cat([real, real])
        terms = self.adversary.generator(self, self.similarity_critic(len(real), twice), twice, fake)
        return {
            "adversarial": terms["adversarial"],
            "reconstruction": self.gamma * terms["similarity"],
            **self.regularization_terms(),
        }

    def reconstructions_and_samples(self, player: str, real: Tensor) -> Tensor:
        """Return the reconstructions of real images (N, C, H, W), then as many samples (2N, C, H, W).

        No gradient leads to the encoder.
        """
        with torch.no_grad():
            mean, log_variance = self.encoder(real)
            codes = reparameterized(mean, log_variance, self.draw_noise(f"{player} code", len(real)))
        images: Tensor = self.generator(torch.cat([codes, self.draw_noise(player, len(real)).to(codes)]))
        return images

    def similarity_critic(self, count: int, originals: Tensor) -> Critic:
        """Return the critic that compares the first ``count`` images with the originals."""
        return SimilarityCritic(self.discriminator, self.layer, count, originals)
