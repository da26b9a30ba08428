"""R3GAN (arXiv 2501.05441): a GAN whose penalties, moving average and optimizers follow schedules."""

from collections.abc import Callable
from typing import Any, Unpack

from ganexp.game.batches import Batch
from ganexp.game.module import Player
from ganexp.partials import plain
from ganexp.variants.gan import GAN, GANSettings


class R3GAN(GAN):
    """A GAN whose Adam optimizers average squared gradients over a longer time as training progresses.

    ``beta2`` maps progress in [0, 1] to Adam's second beta; optimizers without betas are left alone. The paper says
    that learning rate, gamma and EMA change during training; the cosines and their end points are the authors' code's.
    """

    def __init__(self, beta2: Callable[[float], float], **gan: Unpack[GANSettings]) -> None:
        super().__init__(**gan)
        self.beta2 = plain(beta2)

    def turn(self, player: Player, optimizer: Any, batch: Batch) -> None:
        """Set the optimizer's second beta, then take the step."""
        beta2 = self.beta2(self.progress())
        for group in optimizer.param_groups:
            if "betas" in group:
                group["betas"] = (group["betas"][0], beta2)
        super().turn(player, optimizer, batch)
