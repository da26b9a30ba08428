"""Zero-centred gradient penalties: R1 at real images, R2 at fake ones (arXiv 1801.04406)."""

from collections.abc import Callable
from typing import ClassVar

import torch
from torch import Tensor

from ganexp.numerics.gradients import autocast_dtype, gradient_of_logits, input_gradient, squared_norm_per_image
from ganexp.penalties.base import CriticTurn, Penalty, Schedule, Side


class ZeroCentred(Penalty):
    """Penalizes the gradients of the logits at the images of one side (arXiv 1801.04406, section 4.1).

    The gradients are taken of the logits that the discriminator's loss has, without a second forward pass. Under
    autocast those logits are too coarse, so the images are judged again in float32; with ``autocast`` the logits are
    used if they are in bfloat16, and gradients and second derivatives are in bfloat16 too. Logits in float16 are never
    used, as small gradients would become 0.

    With an augmentation, gradients are taken at the augmented images. With ``through_augmentation`` they are taken at
    the images before it, as if it were the discriminator's first layer: so does the authors' code of StyleGAN2-ADA
    (arXiv 2006.06676) and of R3GAN (arXiv 2501.05441).
    """

    side: ClassVar[Side]

    def __init__(
        self,
        weight: float = 10.0,
        every: int = 1,
        schedule: Schedule | None = None,
        autocast: bool = False,
        through_augmentation: bool = False,
    ) -> None:
        super().__init__(weight, every, schedule)
        self.autocast = autocast
        self.through_augmentation = through_augmentation

    def differentiates(self, side: Side, images: Tensor) -> bool:
        """Return whether the logits of this side are those penalized, and precise enough."""
        lowered = autocast_dtype(images.device)
        is_precise = lowered is None or (self.autocast and lowered is torch.bfloat16)
        return side == self.side and is_precise and images.dtype in (torch.float32, torch.float64)

    def half_squared_norm(
        self, critic: Callable[[Tensor], Tensor], images: Tensor, logits: Tensor, judged: Tensor | None
    ) -> Tensor:
        """Return E[|grad D(x)|^2] / 2 at images (N, C, H, W), a scalar.

        ``judged`` are the images that ``logits`` were computed from; with None the critic judges ``images`` again.
        """
        if judged is not None and self.differentiates(self.side, judged):
            gradient = gradient_of_logits(logits, judged)
        else:
            gradient = input_gradient(critic, images)
        return squared_norm_per_image(gradient).mean() / 2


class R1(ZeroCentred):
    """Penalizes gradients at real images; the weight is the paper's gamma (arXiv 1801.04406, eq. 9)."""

    side = "real"

    def value(self, turn: CriticTurn) -> Tensor:
        """Return E[|grad D(x)|^2] / 2."""
        return self.half_squared_norm(turn.critic, turn.real, turn.real_logits, turn.judged_real)


class R2(ZeroCentred):
    """Penalizes gradients at fake images; the weight is the paper's gamma (arXiv 1801.04406, eq. 10)."""

    side = "fake"

    def value(self, turn: CriticTurn) -> Tensor:
        """Return E[|grad D(G(z))|^2] / 2."""
        return self.half_squared_norm(turn.fake_critic, turn.fake, turn.fake_logits, turn.judged_fake)
