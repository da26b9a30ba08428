"""Paired image-to-image translation with a conditional GAN (arXiv 1611.07004)."""

from collections.abc import Callable, Mapping
from typing import Unpack

from torch import Tensor, nn

from ganexp.augmentation.base import Augmentation
from ganexp.game.loss_history import Terms
from ganexp.game.module import Batch, Player
from ganexp.penalties import Penalty
from ganexp.variants.critic import Critic, PairCritic
from ganexp.variants.objective import DiscriminatorObjective
from ganexp.variants.translation import FORWARD, Translation, TranslationSettings, l1_distance


class Pix2Pix(Translation):
    """A generator from inputs to images against a discriminator of images given their inputs.

    The generator's noise is its dropout. It minimizes the adversarial loss plus ``l1`` times the mean absolute
    difference from the target (eq. 4). It takes its turn first, and the discriminator sees the same fakes, so fakes are
    generated once per batch. Augmentation distorts an image and its input alike; gradient penalties differentiate with
    respect to the image only.
    """

    def __init__(
        self,
        generator: nn.Module,
        discriminator: nn.Module,
        l1: float = 100.0,
        penalties: Mapping[str, Penalty | None] | None = None,
        constraint: Callable[[nn.Module], None] | None = None,
        augmentation: Augmentation | None = None,
        **translation: Unpack[TranslationSettings],
    ) -> None:
        super().__init__({FORWARD: generator}, **translation)
        self.discriminator = discriminator
        self.adversary = DiscriminatorObjective(self.loss, penalties, augmentation)
        self.constraint = constraint
        self.l1 = l1

    def players(self) -> list[Player]:
        """Return the generator, then the discriminator."""
        return [
            Player("generator", self.generators, self.generator_loss, average=self.average),
            Player("discriminator", self.discriminator, self.discriminator_loss, constraint=self.constraint),
        ]

    def generator_loss(self, batch: Batch) -> Terms:
        """Return the adversarial loss given the input, and the L1 distance from the target."""
        inputs, real = batch["input"], batch["image"]
        fake = self.generators[FORWARD](inputs)
        self.inputs.hand_over(f"fake {self._part}", fake.detach())
        terms = self.adversary.generator(self, self.critic(inputs), real, fake)
        return {**terms, "l1": self.l1 * l1_distance(fake, real)}

    def discriminator_loss(self, batch: Batch) -> Terms:
        """Return the terms of the discriminator's loss given the input, on the generator's fakes of this batch."""
        fake = self.inputs.take(f"fake {self._part}")
        return self.adversary.discriminator(self, self.critic(batch["input"]), batch["image"], fake)

    def critic(self, inputs: Tensor) -> Critic:
        """Return the critic of images given these inputs (N, C, H, W)."""
        return PairCritic(self.discriminator, inputs)

    def current_samples(self, n: int, batch: Batch) -> tuple[Tensor, Critic]:
        """Return the current generator's output for the batch's first ``n`` inputs, and the critic that judges it."""
        inputs = batch["input"][:n]
        return self.infer(self.generators[FORWARD], inputs), self.critic(inputs)
