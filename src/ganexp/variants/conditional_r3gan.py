"""Class-conditional R3GAN (arXiv 2501.05441): every fake image has the label of the real one that it is paired with."""

from collections.abc import Callable
from typing import Any, Unpack

from torch import Tensor

from ganexp.game.batches import Batch
from ganexp.game.module import Player
from ganexp.partials import plain
from ganexp.variants.conditional import ConditionalGAN
from ganexp.variants.gan import GANSettings
from ganexp.variants.r3gan import set_beta2


class ConditionalR3GAN(ConditionalGAN):
    """R3GAN whose networks also take labels (N,) in [0, num_classes).

    As in the authors' code, labels of fake images are not drawn but are those of the turn's real images, so that the
    relativistic loss compares images of one class.
    """

    def __init__(
        self,
        beta2: Callable[[float], float],
        num_classes: int,
        attributes: bool = False,
        **gan: Unpack[GANSettings],
    ) -> None:
        super().__init__(num_classes, attributes, **gan)
        self.beta2 = plain(beta2)

    def turn(self, player: Player, optimizer: Any, batch: Batch) -> None:
        """Set the optimizer's second beta, then take the step."""
        set_beta2(optimizer, self.beta2(self.progress()))
        super().turn(player, optimizer, batch)

    def fake_labels(self, player: str, label: Tensor) -> Tensor:
        """Return the labels (N,) of the real images."""
        return label
