"""Progressive growing of GANs (arXiv 1710.10196): both networks double their resolution again and again."""

from collections.abc import Callable
from functools import partial
from typing import Any, Unpack

import torch
from torch import Tensor

from ganexp.game.batches import Batch
from ganexp.game.loss_history import Terms
from ganexp.game.module import Player
from ganexp.networks.progan import Discriminator, Generator, Stage, staged
from ganexp.partials import plain
from ganexp.variants.critic import Critic
from ganexp.variants.gan import GAN, GANSettings


class ProGAN(GAN):
    """A GAN whose networks begin at a low resolution, and fade in the layers of each higher one (section 2, figure 2).

    ``growth`` maps progress in [0, 1] and the networks' number of doublings to how many of them there are so far, so
    nothing has to be saved. Real images have the detail of the stage and the size of the last one, as the generator's
    have. As in the authors' code (tkarras/progressive_growing_of_gans train.py), optimizers start anew whenever a
    doubling begins or ends to be faded in.
    """

    generator: Generator
    discriminator: Discriminator

    def __init__(self, growth: Callable[..., float], **gan: Unpack[GANSettings]) -> None:
        super().__init__(**gan)
        self.growth = plain(growth)

    def training_step(self, batch: Batch, batch_idx: int) -> None:
        """Record the stage in both networks, then give every player its step."""
        for network in (self.generator, self.discriminator):
            network.growth.fill_(self.growth_after(self.images_seen))
        super().training_step(batch, batch_idx)

    def turn(self, player: Player, optimizer: Any, batch: Batch) -> None:
        """Start the optimizer anew at a new stage, then take the step."""
        before = self.images_seen - player.every * len(batch["image"]) * self.trainer.world_size
        if before >= 0 and self.decision(before) != self.decision(self.images_seen):
            optimizer.state.clear()
        super().turn(player, optimizer, batch)

    def discriminator_loss(self, batch: Batch) -> Terms:
        """Return the terms of the discriminator's loss on real images and on fakes of the present stage."""
        stage = self.stage()
        real = staged(batch["image"], stage, self.generator.steps)
        noise, critic = self.draw_noise("discriminator", len(real)), self.staged_critic(stage)
        with torch.no_grad():
            fake = self.generator(noise, stage)
        source = self.fake_source(noise, [stage], [stage])
        return self.adversary.discriminator(self, critic, real, fake, critic, source)

    def generator_loss(self, batch: Batch) -> Terms:
        """Return the terms of the generator's loss on fakes of the present stage."""
        stage = self.stage()
        real = self.repeated(staged(batch["image"], stage, self.generator.steps))
        noise, critic = self.draw_noise("generator", len(real)), self.staged_critic(stage)
        fake, source = self.generator(noise, stage), self.fake_source(noise, [stage], [stage])
        terms = self.adversary.generator(self, critic, real, fake, critic, source)
        return terms | self.regularization_terms()

    def staged_critic(self, stage: Stage) -> Critic:
        """Return the critic of images of a stage."""
        return Critic(partial(self.discriminator, stage=stage))

    def stage(self) -> Stage:
        """Return the stage of this turn."""
        doublings, is_fading = self.inputs.decide("stage", lambda: self.decision(self.images_seen))
        return Stage(doublings, self.inputs.scalar("share of the stage", self.share) if is_fading else None)

    def decision(self, images: int) -> tuple[int, bool]:
        """Return the number of doublings after some images, and whether the last of them is being faded in."""
        stage = Stage.at(self.growth_after(images))
        return stage.doublings, stage.share is not None

    def share(self) -> float:
        """Return how far the last doubling is faded in, 1 for entirely."""
        share = Stage.at(self.growth_after(self.images_seen)).share
        return 1.0 if share is None else float(share)

    def growth_after(self, images: int) -> float:
        """Return the number of doublings after some images, a fraction while one is faded in."""
        return self.growth(min(1.0, images / self.images), self.generator.steps)

    def current_samples(self, n: int, batch: Batch) -> tuple[Tensor, Critic]:
        """Return ``n`` samples of the generator as it is now, not averaged, and the critic that judges them."""
        return self.sampler.current(n, self.batches_seen), Critic(self.discriminator)
