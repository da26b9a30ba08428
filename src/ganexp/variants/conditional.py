"""Conditional generative adversarial nets (arXiv 1411.1784): both networks are given the class label."""

from typing import Any, Unpack

import torch
from torch import Tensor

from ganexp.game.batches import Batch
from ganexp.game.loss_history import Terms
from ganexp.variants.critic import Critic
from ganexp.variants.gan import GAN, GANSettings
from ganexp.variants.samplers.attributes import AttributeSampler, AttributeSets
from ganexp.variants.samplers.base import ConditionalSampler


class ConditionalGAN(GAN):
    """A GAN whose networks also take labels (N,) in [0, num_classes).

    The labels of fakes are drawn uniformly in each turn of a player. With ``attributes``, labels are (N, num_classes)
    of 0 and 1, and fakes have those of the turn's real images.
    """

    def __init__(self, num_classes: int, attributes: bool = False, **gan: Unpack[GANSettings]) -> None:
        super().__init__(**gan)
        self.num_classes = num_classes
        self.attribute_sets = AttributeSets(num_classes) if attributes else None
        self.sampler: ConditionalSampler = (
            ConditionalSampler(num_classes, **self.sampler_settings())
            if self.attribute_sets is None
            else AttributeSampler(self.attribute_sets, **self.sampler_settings())
        )
        self.columns = self.sampler.columns

    def setup(self, stage: str) -> None:
        """Take sets of attributes to sample with from the training data."""
        if self.attribute_sets is not None and stage == "fit":
            data: Any = self.trainer.datamodule  # type: ignore[attr-defined]
            self.attribute_sets.fill(data.all_labels(), self.seed)

    def discriminator_loss(self, batch: Batch) -> Terms:
        """Return the terms of the discriminator's loss, given the labels (eq. 2)."""
        real, label = batch["image"], batch["label"]
        fake_label = self.fake_labels("discriminator", label)
        noise = self.draw_noise("discriminator", len(real))
        with torch.no_grad():
            fake = self.generator(noise, fake_label)
        source = self.fake_source(noise, (fake_label,), (label,))
        fake_critic = self.critic_of_fakes("discriminator", fake_label)
        return self.adversary.discriminator(self, self.critic(label), real, fake, fake_critic, source)

    def generator_loss(self, batch: Batch) -> Terms:
        """Return the terms of the generator's loss, given the labels drawn (eq. 2)."""
        real, label = self.repeated(batch["image"]), self.repeated(batch["label"])
        fake_label = self.fake_labels("generator", label)
        noise = self.draw_noise("generator", len(real))
        fake = self.generator(noise, fake_label)
        source = self.fake_source(noise, (fake_label,), (label,))
        fake_critic = self.critic_of_fakes("generator", fake_label)
        terms = self.adversary.generator(self, self.critic(label), real, fake, fake_critic, source)
        return terms | self.regularization_terms()

    def critic(self, label: Tensor) -> Critic:
        """Return the critic of images with these labels (N,)."""
        return Critic(self.discriminator, label)

    def critic_of_fakes(self, player: str, label: Tensor) -> Critic:
        """Return the critic of fakes with these labels (N,) in a player's turn."""
        return self.critic(label)

    def fake_labels(self, player: str, label: Tensor) -> Tensor:
        """Return the labels (N, …) of the fake images in a player's turn on real images with labels (N, …)."""
        return self.draw_labels(player, len(label)) if self.attribute_sets is None else label

    def draw_labels(self, player: str, n: int) -> Tensor:
        """Draw fresh labels (n,) for a player's turn."""
        return self.draw(
            f"{player} labels",
            n,
            lambda total, rng: torch.randint(self.num_classes, (total,), generator=rng, device=rng.device),
        )

    def current_samples(self, n: int, batch: Batch) -> tuple[Tensor, Critic]:
        """Return ``n`` samples of the generator as it is now, every label in turn, and the critic that judges them."""
        label = self.sampler.current_labels(n)
        return self.sampler.current(n, self.batches_seen), self.critic(label)
