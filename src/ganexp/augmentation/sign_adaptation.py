"""Adaptation of an augmentation's probability to the signs of the logits of real images (arXiv 2006.06676)."""

import torch
from torch import Tensor

from ganexp.augmentation.base import Augmentation
from ganexp.distributed import collectives
from ganexp.errors import UserError

INTERVAL = 4


class SignAdaptation(Augmentation):
    """An augmentation whose probability ``p``, a buffer, rises while the discriminator overfits, and else falls.

    Every 4 batches p is adjusted so that r_t, the mean sign of the logits of real images, approaches ``target``
    (section 3.1), at a rate of 1 per ``images_to_full`` images. p and the observations since its last update are part
    of the state.
    """

    p: Tensor
    signs: Tensor
    images: Tensor
    batches: Tensor

    def adapt_to(self, target: float, images_to_full: int) -> None:
        """Register what is observed; raises UserError unless ``target`` is in [-1, 1], ``images_to_full`` positive."""
        if not -1 <= target <= 1:
            raise UserError(f"augmentation.target={target}: it is a mean of signs, in [-1, 1]")
        if images_to_full < 1:
            raise UserError(f"augmentation.images_to_full={images_to_full}: it must be positive")
        self.target = target
        self.images_to_full = images_to_full
        self.register_buffer("signs", torch.zeros(()))
        self.register_buffer("images", torch.zeros((), dtype=torch.long))
        self.register_buffer("batches", torch.zeros((), dtype=torch.long))

    @torch.no_grad()
    def observe(self, real_logits: Tensor, images: int, parts: int = 1) -> None:
        """Record the logits of a part of a global batch, of ``images`` real images, and update p every 4 batches.

        ``parts`` is the number of parts of a batch; the state counts them.
        """
        interval = INTERVAL * parts
        self.signs += collectives.mean(real_logits.sign().float().mean())
        self.images += images
        self.batches += 1
        # Branch-free: a branch on a value on the device would synchronize with it.
        due = self.batches == interval
        step = (self.signs / interval - self.target).sign() * self.images / self.images_to_full
        self.p.copy_(torch.where(due, self.p + step, self.p).clamp(0, 1))
        for statistic in (self.signs, self.images, self.batches):
            statistic.mul_(~due)


def require_probability(p: float) -> None:
    """Raise UserError unless p is in [0, 1]."""
    if not 0 <= p <= 1:
        raise UserError(f"augmentation.p={p}: it is a probability, in [0, 1]")
