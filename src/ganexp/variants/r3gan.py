"""R3GAN (arXiv 2501.05441): a GAN whose penalties, average and optimizers change on a schedule."""

from collections.abc import Callable
from typing import Any

from ganexp.game.module import Batch, Player
from ganexp.partials import plain
from ganexp.variants.gan import GAN


class R3GAN(GAN):
    """A GAN whose players' Adam remembers squared gradients for longer as training goes on.

    ``beta2`` maps progress in [0, 1] to Adam's second beta; optimizers without betas go on as they are. The paper's
    text says that rate, gamma and the average change in training; the cosines and their ends are the authors' code's.
    """

    def __init__(self, beta2: Callable[[float], float], **gan: Any) -> None:
        super().__init__(**gan)
        self.beta2 = plain(beta2)

    def turn(self, player: Player, optimizer: Any, batch: Batch) -> None:
        """Set the optimizer's second beta, then take the step."""
        for group in optimizer.param_groups:
            if "betas" in group:
                group["betas"] = (group["betas"][0], self.beta2(self.progress()))
        super().turn(player, optimizer, batch)
