"""Paired image-to-image translation with a conditional GAN (arXiv 1611.07004)."""

from collections.abc import Callable, Mapping
from typing import Unpack

import torch
from torch import Tensor, nn

from ganexp.augmentation.base import Augmentation
from ganexp.game.batches import Batch
from ganexp.game.loss_history import Terms
from ganexp.game.module import Player
from ganexp.penalties.base import Penalty
from ganexp.variants.critic import Critic, PairCritic
from ganexp.variants.objective import DiscriminatorObjective
from ganexp.variants.translation import (
    FORWARD,
    GENERATOR,
    Translation,
    TranslationSettings,
    in_turn,
    l1_distance,
)


class Pix2Pix(Translation):
    """A generator from inputs to images against a discriminator of images given their inputs.

    The generator's noise is its dropout. It minimizes the adversarial loss plus ``l1`` times the mean absolute
    difference from the target (eq. 4). The discriminator minimizes ``judgement`` times its adversarial loss, 0.5 in the
    paper (section 3.3), plus its penalties.

    ``first`` names the player who takes its turn first. After the generator, the discriminator sees the same fakes,
    which are generated once per batch; as in phillipi/pix2pix (train.lua) both losses are those before either step.
    With the discriminator first (junyanz/pytorch-CycleGAN-and-pix2pix, models/pix2pix_model.py) the generator plays
    against its next version, and its fakes are generated in both turns, with another dropout in each.
    Augmentation distorts an image and its input alike; gradient penalties differentiate with respect to the image only.
    """

    def __init__(
        self,
        generator: nn.Module,
        discriminator: nn.Module,
        l1: float = 100.0,
        penalties: Mapping[str, Penalty | None] | None = None,
        constraint: Callable[[nn.Module], None] | None = None,
        augmentation: Augmentation | None = None,
        judgement: float = 1.0,
        first: str = GENERATOR,
        **translation: Unpack[TranslationSettings],
    ) -> None:
        super().__init__({FORWARD: generator}, **translation)
        self.discriminator = discriminator
        self.adversary = DiscriminatorObjective(self.loss, penalties, augmentation)
        self.constraint = constraint
        self.l1 = l1
        self.judgement = judgement
        self.first = first

    def players(self) -> list[Player]:
        """Return generator and discriminator, in the order of their turns."""
        return in_turn(
            self.first,
            Player("generator", self.generators, self.generator_loss, average=self.average, judged_by=""),
            Player("discriminator", self.discriminator, self.discriminator_loss, constraint=self.constraint),
        )

    def generator_loss(self, batch: Batch) -> Terms:
        """Return the adversarial loss given the input, and the L1 distance from the target."""
        inputs, real = batch["input"], batch["image"]
        fake = self.generators[FORWARD](inputs)
        if self.first == GENERATOR:
            self.inputs.hand_over(f"fake {self._part}", fake.detach())
        terms = self.adversary.generator(self, self.critic(inputs), real, fake)
        return {**terms, "l1": self.l1 * l1_distance(fake, real)}

    def discriminator_loss(self, batch: Batch) -> Terms:
        """Return the terms of the discriminator's loss given the input, on the generator's fakes of this batch."""
        terms = self.adversary.discriminator(self, self.critic(batch["input"]), batch["image"], self._fake(batch))
        return terms | {"adversarial": self.judgement * terms["adversarial"]}

    @torch.no_grad()
    def _fake(self, batch: Batch) -> Tensor:
        if self.first == GENERATOR:
            return self.inputs.take(f"fake {self._part}")
        fake: Tensor = self.generators[FORWARD](batch["input"])
        return fake

    def critic(self, inputs: Tensor) -> Critic:
        """Return the critic of images given these inputs (N, C, H, W)."""
        return PairCritic(self.discriminator, inputs)

    def current_samples(self, n: int, batch: Batch) -> tuple[Tensor, Critic]:
        """Return the current generator's output for the batch's first ``n`` inputs, and the critic that judges it."""
        inputs = batch["input"][:n]
        return self.infer(self.generators[FORWARD], inputs), self.critic(inputs)
