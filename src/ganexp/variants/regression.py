"""L1 regression from images to images, the baseline without a discriminator of arXiv 1611.07004, section 4.1."""

from collections.abc import Callable, Mapping
from typing import Unpack

from torch import nn

from ganexp.augmentation.base import Augmentation
from ganexp.game.batches import Batch
from ganexp.game.loss_history import Terms
from ganexp.game.module import Player
from ganexp.penalties.base import Penalty
from ganexp.variants.critic import require_no_discriminator
from ganexp.variants.translation import FORWARD, Translation, TranslationSettings, l1_distance


class Regression(Translation):
    """A generator that minimizes ``l1`` times the mean absolute difference from the target, without a discriminator.

    ``loss`` has no effect. Raises ValueError for penalties, a constraint or an augmentation, all of which need a
    discriminator.
    """

    def __init__(
        self,
        generator: nn.Module,
        l1: float = 100.0,
        penalties: Mapping[str, Penalty | None] | None = None,
        constraint: Callable[[nn.Module], None] | None = None,
        augmentation: Augmentation | None = None,
        **translation: Unpack[TranslationSettings],
    ) -> None:
        super().__init__({FORWARD: generator}, **translation)
        require_no_discriminator(penalties, constraint, augmentation, instead="model=pix2pix")
        self.l1 = l1

    def players(self) -> list[Player]:
        """Return the generator."""
        return [Player("generator", self.generators, self.generator_loss, average=self.average)]

    def generator_loss(self, batch: Batch) -> Terms:
        """Return the L1 distance from the target."""
        return {"l1": self.l1 * l1_distance(self.generators[FORWARD](batch["input"]), batch["image"])}
