"""The generative adversarial network of arXiv 1406.2661; DCGAN is this game with other networks."""

from collections.abc import Callable, Mapping, Sequence
from typing import Required, Unpack

import torch
from torch import Tensor, nn

from ganexp.augmentation.base import Augmentation
from ganexp.game.batches import Batch
from ganexp.game.loss_history import Terms
from ganexp.game.module import Player
from ganexp.losses import Loss
from ganexp.partials import plain
from ganexp.penalties.base import Penalty
from ganexp.variants.critic import Critic
from ganexp.variants.fake_source import FakeSource
from ganexp.variants.generation import Generation, GenerationSettings
from ganexp.variants.objective import DiscriminatorObjective

Regularization = Callable[[nn.Module], Tensor]


class GANSettings(GenerationSettings, total=False):
    """The arguments of `GAN` that its variants pass on."""

    discriminator: Required[nn.Module]
    loss: Required[Loss]
    critic_steps: int
    generator_batch_multiplier: int
    penalties: Mapping[str, Penalty | None] | None
    constraint: Callable[[nn.Module], None] | None
    augmentation: Augmentation | None
    regularizations: Mapping[str, Regularization | None] | None
    fresh_generator_batch: bool


class GAN(Generation):
    """A generator from noise to images against a discriminator (algorithm 1).

    The discriminator takes ``critic_steps`` turns, on fresh real images and fresh noise, for each one of the generator,
    whose loss is over ``generator_batch_multiplier`` times as many fakes as the batch has real images.
    ``penalties`` are terms of its loss by name, ``constraint`` acts on its weights after every step, and it sees all
    images through ``augmentation``. ``regularizations`` are terms of the generator's loss by name, functions of its
    weights alone.

    Of the real images the generator has only their number, their labels and, in relativistic losses, their logits. They
    are those of the discriminator's turn, or others with ``fresh_generator_batch``: then each step takes twice as many
    images from the data, alternately for one and the other.
    """

    def __init__(
        self,
        discriminator: nn.Module,
        loss: Loss,
        critic_steps: int = 1,
        generator_batch_multiplier: int = 1,
        penalties: Mapping[str, Penalty | None] | None = None,
        constraint: Callable[[nn.Module], None] | None = None,
        augmentation: Augmentation | None = None,
        regularizations: Mapping[str, Regularization | None] | None = None,
        fresh_generator_batch: bool = False,
        **generation: Unpack[GenerationSettings],
    ) -> None:
        super().__init__(**generation)
        self.discriminator = discriminator
        self.loss = loss
        self.critic_steps = critic_steps
        self.generator_batch_multiplier = generator_batch_multiplier
        self.real_batches = 2 if fresh_generator_batch else 1
        self.adversary = DiscriminatorObjective(loss, penalties, augmentation)
        self.constraint = constraint
        self.regularizations = {name: plain(term) for name, term in (regularizations or {}).items() if term is not None}

    def players(self) -> list[Player]:
        """Return the discriminator, then the generator."""
        return [
            Player("discriminator", self.discriminator, self.discriminator_loss, constraint=self.constraint),
            Player("generator", self.generator, self.generator_loss, self.critic_steps, self.average, judged_by=""),
        ]

    def discriminator_loss(self, batch: Batch) -> Terms:
        """Return the terms of the discriminator's loss on real images and on fakes of fresh noise."""
        real = batch["image"]
        noise = self.draw_noise("discriminator", len(real))
        with torch.no_grad():
            fake = self.generator(noise)
        fake_critic = self.fake_critic("discriminator", noise)
        return self.adversary.discriminator(self, self.real_critic(), real, fake, fake_critic, self.fake_source(noise))

    def generator_loss(self, batch: Batch) -> Terms:
        """Return the terms of the generator's loss on fakes of fresh noise."""
        real = self.repeated(batch["image"])
        noise = self.draw_noise("generator", len(real))
        fake = self.generator(noise)
        fake_critic = self.fake_critic("generator", noise)
        terms = self.adversary.generator(self, self.real_critic(), real, fake, fake_critic, self.fake_source(noise))
        return terms | self.regularization_terms()

    def real_critic(self) -> Critic:
        """Return the critic of real images."""
        return Critic(self.discriminator)

    def fake_critic(self, player: str, noise: Tensor) -> Critic:
        """Return the critic of fakes of noise (N, latent) in a player's turn."""
        return self.real_critic()

    def fake_source(
        self, noise: Tensor, condition: Sequence[object] = (), real_condition: Sequence[object] = ()
    ) -> FakeSource:
        """Return the source of a turn's fakes, made from noise (N, latent) and what else the generator takes.

        ``condition`` is that of the fakes, ``real_condition`` that of the real images.
        """

        def regenerate(change: Callable[[Tensor], Tensor]) -> Tensor:
            fake: Tensor = self.generator(change(noise), *condition)
            return fake

        @torch.no_grad()
        def with_real_conditions() -> Tensor:
            fake: Tensor = self.generator(self.draw_noise("pseudo-real", len(noise)), *real_condition)
            return fake

        return FakeSource(regenerate, with_real_conditions)

    def repeated(self, real: Tensor) -> Tensor:
        """Return real images or their labels (N, …) as often as the generator's batch is larger than theirs.

        Only their number matters, except to relativistic losses, which compare each real image with several fakes.
        """
        times = self.generator_batch_multiplier
        return real if times == 1 else torch.cat([real] * times)

    def regularization_terms(self) -> Terms:
        """Return the regularizations of the generator's weights."""
        return {name: regularization(self.generator) for name, regularization in self.regularizations.items()}

    def current_samples(self, n: int, batch: Batch) -> tuple[Tensor, Critic]:
        """Return ``n`` samples of the generator as it is now, not averaged, and the critic that judges them."""
        return self.sampler.current(n, self.batches_seen), self.real_critic()
