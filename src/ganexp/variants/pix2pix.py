"""Paired image-to-image translation with a conditional GAN (arXiv 1611.07004)."""

from collections.abc import Callable, Mapping
from typing import Unpack

from torch import Tensor, nn

from ganexp.augmentation.base import Augmentation
from ganexp.game.batches import Batch
from ganexp.game.loss_history import Terms
from ganexp.penalties.base import Penalty
from ganexp.variants.critic import Critic, PairCritic
from ganexp.variants.one_way_translation import GENERATOR, OneWayTranslation
from ganexp.variants.translation import FORWARD, TranslationSettings, l1_distance


class Pix2Pix(OneWayTranslation):
    """A generator from inputs to images against a discriminator of images given their inputs.

    The generator's noise is its dropout. It minimizes the adversarial loss plus ``l1`` times the mean absolute
    difference from the target (eq. 4). The discriminator minimizes ``judgement`` times its adversarial loss, 0.5 in the
    paper (section 3.3), plus its penalties.

    With the generator ``first``, as in phillipi/pix2pix (train.lua), both losses are those before either step; with the
    discriminator first (junyanz/pytorch-CycleGAN-and-pix2pix, models/pix2pix_model.py) fakes are generated in both
    turns, with another dropout in each; see `OneWayTranslation`.
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
        super().__init__({FORWARD: generator}, discriminator, penalties, constraint, augmentation, first, **translation)
        self.l1 = l1
        self.judgement = judgement

    def generator_loss(self, batch: Batch) -> Terms:
        """Return the adversarial loss given the input, and the L1 distance from the target."""
        inputs, real = batch["input"], batch["image"]
        fake = self.generators[FORWARD](inputs)
        self.hand_over(fake)
        terms = self.adversary.generator(self, self.critic(inputs), real, fake)
        return {**terms, "l1": self.l1 * l1_distance(fake, real)}

    def discriminator_loss(self, batch: Batch) -> Terms:
        """Return the terms of the discriminator's loss given the input, on the generator's fakes of this batch."""
        terms = super().discriminator_loss(batch)
        return terms | {"adversarial": self.judgement * terms["adversarial"]}

    def critic(self, inputs: Tensor) -> Critic:
        """Return the critic of images given these inputs (N, C, H, W)."""
        return PairCritic(self.discriminator, inputs)
