"""Mean and covariance of features, accumulated over batches and ranks."""

from dataclasses import dataclass
from functools import cached_property

import torch
from scipy.linalg import lapack
from torch import Tensor

from ganexp.errors import NotFinite, UserError


@dataclass(frozen=True)
class Moments:
    """Count, mean (D,) and unbiased covariance (D, D) of features, in float64."""

    count: int
    mean: Tensor
    covariance: Tensor

    @cached_property
    def factor(self) -> Tensor:
        """F (D, rank) with F F^T = covariance up to rounding, by Cholesky decomposition.

        On a GPU a regular covariance is factored there; a singular one, as of few samples, needs pivots, on the CPU.
        """
        on_device = None if self.covariance.device.type == "cpu" else regular_factor(self.covariance)
        return pivoted_factor(self.covariance) if on_device is None else on_device


def pivoted_factor(covariance: Tensor) -> Tensor:
    """Return F (D, rank) with F F^T = covariance (D, D) up to rounding, by pivoted Cholesky on the CPU."""
    # Pivoting stops once only rounding error remains, whose square roots would otherwise count as features.
    packed, pivots, rank, _ = lapack.dpstrf(covariance.cpu().numpy(), lower=1)
    factor = torch.empty(len(packed), rank, dtype=torch.float64)
    factor[torch.from_numpy(pivots).long() - 1] = torch.from_numpy(packed).tril()[:, :rank]
    return factor.to(covariance.device)


def regular_factor(covariance: Tensor) -> Tensor | None:
    """Return the Cholesky factor (D, D) of a covariance (D, D), on its device; None if it is singular up to rounding.

    The tolerance is that of LAPACK's pivoted decomposition.
    """
    factor, failed = torch.linalg.cholesky_ex(covariance)
    tolerance = len(covariance) * torch.finfo(covariance.dtype).eps / 2 * covariance.diagonal().max()
    is_regular = (failed == 0) & (factor.diagonal().square().min() > tolerance)
    return factor if is_regular else None


def power_sums(features: Tensor) -> Tensor:
    """Return the sum of (1, x)(1, x)^T over features x (B, D), float64 (1 + D, 1 + D).

    One matrix thus holds the count, the sum and the sum of products, and is additive over batches and ranks.
    """
    extended = features.new_ones(len(features), 1 + features.shape[1]).double()
    extended[:, 1:] = features
    return extended.T @ extended


def moments(sums: Tensor) -> Moments:
    """Return the moments of features from their power sums (1 + D, 1 + D).

    Raises UserError for fewer than two samples, NotFinite for features that are not finite.
    """
    if sums.ndim == 0 or sums[0, 0] < 2:
        raise UserError("a covariance needs at least two images.")
    if not sums.isfinite().all():
        raise NotFinite("features are not finite", "do the images contain NaN?")
    count = sums[0, 0]
    mean = sums[0, 1:] / count
    covariance = (sums[1:, 1:] - count * mean.outer(mean)) / (count - 1)
    return Moments(int(count), mean, covariance)
