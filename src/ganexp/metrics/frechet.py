"""Fréchet distance of Gaussians fitted to features: FID (arXiv 1706.08500)."""

import logging

import torch
from torch import Tensor

from ganexp.metrics.moments import Moments, moments, power_sums
from ganexp.metrics.score import Reference, SampleMetric, Score

log = logging.getLogger(__name__)

WELL_CONDITIONED = 1e-14


class FrechetDistance(SampleMetric):
    """Squared Fréchet distance between Gaussians fitted to the features of fake and real images.

    The state is power sums in float64, so memory does not depend on the number of samples.
    Raises UserError for fewer than two samples.
    """

    higher_is_better = False
    parts = ("",)
    fewest = 2
    sums: Tensor
    warned = False

    def __init__(self, reference: Reference | None, samples: int) -> None:
        super().__init__(reference, samples)
        # A scalar that broadcasts, as D is unknown until the first features.
        self.add_state("sums", torch.zeros((), dtype=torch.float64), dist_reduce_fx="sum")

    def accumulate(self, features: Tensor, number: Tensor) -> None:
        """Add features (B, D) to the power sums."""
        self.sums = self.sums + power_sums(features)

    def scores(self) -> dict[str, Score]:
        """Return the distance; warn if either side has fewer images than features."""
        fake, real = moments(self.sums), self.real.moments()
        if not self.warned and min(fake.count, real.count) < len(real.mean):
            self.warned = True
            log.warning(
                "warning: %s fake and %s real images are too few for a Fréchet distance of %s features: it is biased "
                "upwards, more so with fewer images; compare it only at equal numbers of images, or use the kernel "
                "distance (kid)",
                *(f"{count:,}" for count in (fake.count, real.count, len(real.mean))),
            )
        return {"": Score(frechet_distance(fake, real))}


def frechet_distance(a: Moments, b: Moments) -> float:
    """Return |m_a - m_b|^2 + Tr(S_a + S_b - 2 (S_a S_b)^(1/2)), not below 0 (arXiv 1706.08500, eq. 6).

    With S = F F^T, the eigenvalues of S_a S_b are the squares of the singular values of F_a^T F_b.
    """
    device = a.mean.device
    means = (a.mean - b.mean.to(device)).square().sum()
    traces = a.covariance.trace() + b.covariance.trace().to(device)
    cross = nuclear_norm(a.factor.T @ b.factor.to(device))
    return float((means + traces - 2 * cross).clamp(min=0))


def nuclear_norm(matrix: Tensor) -> Tensor:
    """Return the sum of the singular values of a matrix (M, N), a scalar."""
    wide = matrix if matrix.shape[0] <= matrix.shape[1] else matrix.T
    squares = torch.linalg.eigvalsh(wide @ wide.T)
    # Three times as fast as an SVD, but squaring costs the smallest singular values precision.
    is_well_conditioned = (squares > WELL_CONDITIONED * squares[-1:]).all()
    norm: Tensor = squares.sqrt().sum() if is_well_conditioned else torch.linalg.svdvals(matrix).sum()
    return norm
