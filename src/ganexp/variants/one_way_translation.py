"""Translation in one direction against one discriminator: the base of its games."""

from collections.abc import Callable, Mapping
from typing import Unpack

import torch
from torch import Tensor, nn

from ganexp.augmentation.base import Augmentation
from ganexp.game.batches import Batch
from ganexp.game.loss_history import Terms
from ganexp.game.module import Player
from ganexp.penalties.base import Penalty
from ganexp.variants.critic import Critic
from ganexp.variants.objective import DiscriminatorObjective
from ganexp.variants.translation import FORWARD, Translation, TranslationSettings

GENERATOR, DISCRIMINATOR = "generator", "discriminator"


class OneWayTranslation(Translation):
    """A generator from the domain a to the domain b against a discriminator of b; a variant has the generator's loss.

    ``first`` names the player who takes its turn first. After the generator, the discriminator sees the same fakes,
    which are generated once per batch. With the discriminator first the generator plays against its next version, and
    fakes are generated in both turns.
    """

    def __init__(
        self,
        generators: Mapping[str, nn.Module],
        discriminator: nn.Module,
        penalties: Mapping[str, Penalty | None] | None,
        constraint: Callable[[nn.Module], None] | None,
        augmentation: Augmentation | None,
        first: str,
        **translation: Unpack[TranslationSettings],
    ) -> None:
        super().__init__(generators, **translation)
        self.discriminator = discriminator
        self.adversary = DiscriminatorObjective(self.loss, penalties, augmentation)
        self.constraint = constraint
        self.first = first

    def players(self) -> list[Player]:
        """Return generator and discriminator, in the order of their turns; raises ValueError for another ``first``."""
        generator = Player("generator", self.generators, self.generator_loss, average=self.average, judged_by="")
        discriminator = Player("discriminator", self.discriminator, self.discriminator_loss, constraint=self.constraint)
        orders = {GENERATOR: [generator, discriminator], DISCRIMINATOR: [discriminator, generator]}
        if self.first not in orders:
            raise ValueError(f"first={self.first}: choose one of {', '.join(orders)}")
        return orders[self.first]

    def generator_loss(self, batch: Batch) -> Terms:
        """Return the terms of the generator's loss."""
        raise NotImplementedError("a variant defines its generator's loss")

    def discriminator_loss(self, batch: Batch) -> Terms:
        """Return the terms of the discriminator's loss on the generator's fakes of this batch."""
        return self.adversary.discriminator(self, self.critic(batch["input"]), batch["image"], self._fake(batch))

    def critic(self, inputs: Tensor) -> Critic:
        """Return the critic of images that are translated from these inputs (N, C, H, W)."""
        return Critic(self.discriminator)

    def current_samples(self, n: int, batch: Batch) -> tuple[Tensor, Critic]:
        """Return the current generator's output for the batch's first ``n`` inputs, and the critic that judges it."""
        inputs = batch["input"][:n]
        return self.infer(self.generators[FORWARD], inputs), self.critic(inputs)

    def hand_over(self, fake: Tensor) -> None:
        """Keep the fakes of the generator's turn for a discriminator whose turn is later."""
        if self.first == GENERATOR:
            self.inputs.hand_over(f"fake {self._part}", fake.detach())

    @torch.no_grad()
    def _fake(self, batch: Batch) -> Tensor:
        if self.first == GENERATOR:
            return self.inputs.take(f"fake {self._part}")
        fake: Tensor = self.generators[FORWARD](batch["input"])
        return fake
