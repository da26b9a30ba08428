"""Augmentation whose probability follows a schedule, as R3GAN's (arXiv 2501.05441)."""

from collections.abc import Callable

import torch

from ganexp.augmentation.base import Scalar
from ganexp.augmentation.multipliers import Multipliers
from ganexp.augmentation.probabilistic import ProbabilisticAugmentation, Resample
from ganexp.augmentation.transformations import resampled
from ganexp.errors import UserError
from ganexp.partials import plain


class ScheduledAugmentation(ProbabilisticAugmentation):
    """A ProbabilisticAugmentation whose ``schedule`` maps progress in [0, 1] to p.

    Unlike adaptive augmentation it does not depend on what the discriminator's logits are. Raises UserError unless p
    starts and ends in [0, 1].
    """

    def __init__(
        self,
        schedule: Callable[[float], float],
        multipliers: Multipliers | None = None,
        resample: Resample = resampled,
    ) -> None:
        schedule = plain(schedule)
        for progress in (0.0, 1.0):
            if not 0 <= schedule(progress) <= 1:
                raise UserError(f"augmentation.schedule: p={schedule(progress)} is not a probability, in [0, 1]")
        super().__init__(schedule(0.0), multipliers, resample)
        self.schedule = schedule

    @torch.no_grad()
    def follow(self, scalar: Scalar) -> None:
        """Set p to the schedule's value at the game's progress."""
        p = scalar("probability of augmentation", self.schedule)
        if isinstance(p, torch.Tensor):
            self.p.copy_(p)
        else:
            self.p.fill_(p)
