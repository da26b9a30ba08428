"""Nearest-neighbour metrics of fidelity and diversity: precision, recall, density, coverage."""

import torch
from torch import Tensor

from ganexp.errors import UserError
from ganexp.metrics.score import FeatureStore, Reference, Score

BLOCK = 4096


class NeighbourMetric(FeatureStore):
    """Base of metrics on balls around features, whose radius is the distance to the k-th neighbour of the same side.

    Raises UserError if a side has k images or fewer.
    """

    higher_is_better = True

    def __init__(self, reference: Reference | None, samples: int, k: int) -> None:
        super().__init__(reference, samples)
        self.k = k
        self.fewest = k + 1
        self._real_radii: Tensor | None = None

    def real_radii(self, real: Tensor) -> Tensor:
        """Return the distance (M,) of each real image to its k-th nearest other; it is the same every time."""
        if self._real_radii is None:
            self._real_radii = radii(real, self.k)
        return self._real_radii

    def settings(self) -> dict[str, int | float | str]:
        """Return the number of neighbours."""
        return {"k": self.k}


class PrecisionRecall(NeighbourMetric):
    """Improved precision and recall: the share of each side within the other side's balls (arXiv 1904.06991)."""

    parts = ("precision", "recall")

    def __init__(self, reference: Reference | None, samples: int, k: int = 3) -> None:
        super().__init__(reference, samples, k)

    def scores(self) -> dict[str, Score]:
        """Return precision and recall, both in [0, 1]."""
        fake, real = self.pair()
        precision, recall = in_each_others_balls(fake, real, radii(fake, self.k), self.real_radii(real))
        return {"precision": Score(share(precision)), "recall": Score(share(recall))}


class DensityCoverage(NeighbourMetric):
    """Density and coverage, the share of real balls that contain a fake (arXiv 2002.09797, section 3)."""

    parts = ("density", "coverage")

    def __init__(self, reference: Reference | None, samples: int, k: int = 5) -> None:
        super().__init__(reference, samples, k)

    def scores(self) -> dict[str, Score]:
        """Return density, which may be above 1, and coverage, in [0, 1]."""
        fake, real = self.pair()
        reach = self.real_radii(real)
        density = float(balls_around(fake, real, reach).double().mean()) / self.k
        covered = kth_distance(real, fake, 1) <= reach
        return {"density": Score(density), "coverage": Score(share(covered))}


def radii(points: Tensor, k: int) -> Tensor:
    """Return the distance (N,) of each point (N, D) to its k-th nearest other; raises UserError if N <= k."""
    if len(points) <= k:
        raise UserError(f"k={k} nearest neighbours need at least {k + 1} images, fake and real; got {len(points)}.")
    return kth_distance(points, points, k + 1)


def kth_distance(points: Tensor, others: Tensor, k: int) -> Tensor:
    """Return the distance (N,) of each of points (N, D) to the k-th nearest of others (M, D)."""

    def in_block(rows: Tensor) -> Tensor:
        nearest = [distances(rows, part).topk(min(k, len(part)), largest=False).values for part in others.split(BLOCK)]
        return torch.cat(nearest, 1).kthvalue(k).values

    return torch.cat([in_block(rows) for rows in points.split(BLOCK)])


def in_each_others_balls(a: Tensor, b: Tensor, radii_a: Tensor, radii_b: Tensor) -> tuple[Tensor, Tensor]:
    """Return which of a (N, D) are in a closed ball around any of b (M, D), bool (N,), and vice versa, bool (M,)."""
    inside_a, inside_b = a.new_zeros(len(a), dtype=torch.bool), b.new_zeros(len(b), dtype=torch.bool)
    for rows in torch.arange(len(a), device=a.device).split(BLOCK):
        for columns in torch.arange(len(b), device=b.device).split(BLOCK):
            between = distances(a[rows], b[columns])
            inside_a[rows] |= (between <= radii_b[columns]).any(1)
            inside_b[columns] |= (between <= radii_a[rows, None]).any(0)
    return inside_a, inside_b


def balls_around(points: Tensor, centres: Tensor, radii: Tensor) -> Tensor:
    """Return the number of closed balls around centres (M, D) with radii (M,) that contain each point, int64 (N,)."""

    def in_block(rows: Tensor) -> Tensor:
        parts = zip(centres.split(BLOCK), radii.split(BLOCK), strict=True)
        return torch.stack([(distances(rows, part) <= reach).sum(1) for part, reach in parts]).sum(0)

    return torch.cat([in_block(rows) for rows in points.split(BLOCK)])


def distances(a: Tensor, b: Tensor) -> Tensor:
    """Return the Euclidean distances between a (N, D) and b (M, D), float64 (N, M)."""
    # Small distances would cancel in the difference of large squared norms in float32, or TF32 on some devices.
    return torch.cdist(a.double(), b.double())


def share(chosen: Tensor) -> float:
    """Return the fraction of true values."""
    return float(chosen.double().mean())
