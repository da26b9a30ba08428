"""The drift penalty of progressive growing (arXiv 1710.10196)."""

from torch import Tensor

from ganexp.numerics.gradients import promote_to_float32
from ganexp.penalties.base import CriticTurn, Penalty, Schedule


class Drift(Penalty):
    """Keeps the logits of real images from drifting away from 0, which a Wasserstein loss alone does not notice.

    The default weight is the paper's (appendix A.1).
    """

    def __init__(self, weight: float = 0.001, every: int = 1, schedule: Schedule | None = None) -> None:
        super().__init__(weight, every, schedule)

    def value(self, turn: CriticTurn) -> Tensor:
        """Return E[D(x)^2]."""
        return promote_to_float32(turn.real_logits).square().mean()
