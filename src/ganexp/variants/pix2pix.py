"""Paired image-to-image translation with a conditional GAN (arXiv 1611.07004)."""

from collections.abc import Callable, Mapping
from typing import Any

from torch import Tensor, nn

from ganexp.augmentation.base import Augmentation
from ganexp.game.module import Batch, Player, Terms
from ganexp.penalties import Penalty
from ganexp.variants.adversary import Adversary, Critic
from ganexp.variants.translation import FORWARD, Translation, distance


class Pix2Pix(Translation):
    """A generator from inputs to images against a discriminator of images given their inputs.

    The generator's noise is its dropout. It minimizes the adversarial loss and ``l1`` times the mean absolute
    difference to the target (eq. 4), and moves first; the discriminator then sees the same fakes, which are so made
    once a batch. What ``penalties`` and ``augmentation`` do to images they do to both sides of a pair alike, but
    gradients are those by the target's side alone.
    """

    def __init__(
        self,
        generator: nn.Module,
        discriminator: nn.Module,
        l1: float = 100.0,
        penalties: Mapping[str, Penalty | None] | None = None,
        constraint: Callable[[nn.Module], None] | None = None,
        augmentation: Augmentation | None = None,
        **translation: Any,
    ) -> None:
        super().__init__({FORWARD: generator}, **translation)
        self.discriminator = discriminator
        self.adversary = Adversary(self.loss, penalties, augmentation)
        self.constraint = constraint
        self.l1 = l1
        self.fakes: dict[int, Tensor] = {}

    def players(self) -> list[Player]:
        """Return the generator, then the discriminator."""
        return [
            Player("generator", self.generators, self.generator_loss, average=self.average),
            Player("discriminator", self.discriminator, self.discriminator_loss, constraint=self.constraint),
        ]

    def generator_loss(self, batch: Batch) -> Terms:
        """Pass for real beside the input, and come near the target."""
        given, real = batch["input"], batch["image"]
        fake = self.generators[FORWARD](given)
        self.fakes[self._part] = fake.detach()
        beside_fake, fake_seen = self.adversary.seen(self, "generator fake", given, fake)

        def real_logits() -> Tensor:
            beside_real, real_seen = self.adversary.seen(self, "generator real", given, real)
            return self.critic(beside_real)(real_seen)

        return {
            "adversarial": self.loss.generator(self.critic(beside_fake)(fake_seen), real_logits),
            "l1": self.l1 * distance(fake, real),
        }

    def discriminator_loss(self, batch: Batch) -> Terms:
        """Tell real from fake, given the input."""
        given, fake = batch["input"], self.fakes.pop(self._part)
        beside_real, real = self.adversary.seen(self, "discriminator real", given, batch["image"])
        beside_fake, fake = self.adversary.seen(self, "discriminator fake", given, fake)
        critics = self.critic(beside_real), self.critic(beside_fake)
        terms, real_logits, fake_logits = self.adversary.told_apart(self, real, fake, *critics)
        self.watch(real=real_logits, fake=fake_logits)
        return terms

    def critic(self, beside: Tensor) -> Critic:
        """Return the discriminator of images that stand beside these inputs."""
        return lambda images: self.discriminator(images, beside)

    def latest(self, n: int, batch: Batch) -> tuple[Tensor, Critic]:
        """Return what the generator as it is now makes of the batch's first ``n`` inputs, and the critic for them."""
        given = batch["input"][:n]
        return self.made_by(self.generators[FORWARD], given), self.critic(given)
