"""Mode coverage of a known mixture (VEEGAN, arXiv 1705.07761, section 5)."""

from typing import Protocol

import torch
from torch import Tensor
from torch.nn.functional import one_hot

from ganexp.errors import UserError
from ganexp.metrics.score import Reference, SampleMetric, Score


class Mixture(Protocol):
    """A mixture of isotropic modes in the plane: centres (K, 2), float64, and one standard deviation."""

    centres: Tensor
    std: float


class Modes(SampleMetric):
    """The number of modes with at least one high-quality sample, and the share of high-quality samples.

    A sample is of high quality if it is ``within`` standard deviations of the nearest centre, to whose mode it is
    assigned. Features are the points (B, 2) themselves. No reference is needed. Raises UserError without a mixture.
    """

    against_real = False
    higher_is_better = True
    parts = ("covered", "quality")
    good: Tensor
    count: Tensor

    def __init__(self, reference: Reference | None, samples: int, mixture: Mixture | None, within: float = 3.0) -> None:
        super().__init__(reference, samples)
        if mixture is None:
            raise UserError("metric=modes needs data whose modes are known: data=gaussians")
        self.mixture = mixture
        self.within = within
        self.add_state("good", torch.zeros(len(mixture.centres), dtype=torch.int64), dist_reduce_fx="sum")
        self.add_state("count", torch.zeros((), dtype=torch.int64), dist_reduce_fx="sum")

    def accumulate(self, features: Tensor, number: Tensor) -> None:
        """Count the high-quality points (B, 2) per mode."""
        centres = self.mixture.centres.to(features.device)
        distance, mode = (features.double().unsqueeze(1) - centres).norm(dim=2).min(1)
        near = distance <= self.within * self.mixture.std
        self.good = self.good + (one_hot(mode, len(centres)) * near.unsqueeze(1)).sum(0)
        self.count = self.count + len(features)

    def scores(self) -> dict[str, Score]:
        """Return the number of covered modes, in [0, K], and the share of high-quality samples, in [0, 1]."""
        covered = float((self.good > 0).sum())
        return {"covered": Score(covered), "quality": Score(float(self.good.sum().double() / self.count))}

    def settings(self) -> dict[str, int | float | str]:
        """Return the radius of a mode in standard deviations."""
        return {"within": self.within}
