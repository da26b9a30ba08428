"""Nearest-neighbour search over batches of images, and a statistical test of memorization on the distances."""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import chain

import torch
from torch import Tensor

from ganexp.errors import UserError

MOST_VALUES = 2**20
"""Maximum number of float64 values in a block of rows, 8 MiB, and in a block of queries."""
MOST_ROWS = 1024


def rows_at_once(width: int) -> int:
    """Return the number of rows of ``width`` values in a block, which bounds the memory."""
    return min(MOST_ROWS, max(1, MOST_VALUES // width))


@dataclass(frozen=True)
class Nearest:
    """Euclidean distances (N, k), nearest first, and positions (N, k) of the k nearest neighbours."""

    distances: Tensor
    positions: Tensor


def nearest(queries: Tensor, batches: Iterable[Tensor], k: int, own: Tensor | None = None) -> Nearest:
    """Return the k nearest neighbours of queries (N, D) among the rows (B, D) of all batches.

    ``own`` (N,) are the queries' own positions among the rows, which are excluded from their neighbours.
    Raises UserError if there are fewer than k candidates.
    """
    # |a - b|^2 = |a|^2 - 2ab + |b|^2 is exact in float64 for pixels, so that equal images have distance 0.
    best = queries.new_full((len(queries), k), torch.inf, dtype=torch.float64)
    where = torch.zeros(len(queries), k, dtype=torch.int64)
    block = rows_at_once(queries.shape[1])
    count = 0
    for part in chain.from_iterable(batch.split(block) for batch in batches):
        rows = part.double()
        squares = squared_norms(rows)
        for chunk in torch.arange(len(queries)).split(block):
            a = queries[chunk].double()
            squared = torch.addmm(squares.expand(len(a), -1), a, rows.T, alpha=-2) + squared_norms(a)[:, None]
            if own is not None:
                column = own[chunk] - count
                here = (column >= 0) & (column < len(rows))
                squared[here, column[here]] = torch.inf
            nearer, positions = squared.clamp_min_(0).topk(min(k, len(rows)), dim=1, largest=False)
            best[chunk], chosen = torch.cat([best[chunk], nearer], 1).topk(k, dim=1, largest=False)
            where[chunk] = torch.cat([where[chunk], positions + count], 1).gather(1, chosen)
        count += len(rows)
    available = count - (own is not None)
    if available < k:
        raise UserError(f"k={k}: there are only {available} images to search")
    return Nearest(best.sqrt(), where)


def squared_norms(rows: Tensor) -> Tensor:
    """Return the squared norms (N,) of rows (N, D), without storing their squares (N, D)."""
    return torch.einsum("nd,nd->n", rows, rows)


@dataclass(frozen=True)
class Comparison:
    """Comparison of the samples' distances to the nearest training image with those of other images.

    ``auc`` is the probability that a sample is nearer than another image, a tie counting half: 0.5 for equal
    distributions. ``error`` is its standard error (DeLong et al., 1988). ``copied`` is the share of copies, which are
    nearer than 99 % of the other images: at most about 0.01 for equal distributions. ``copied_error`` is its standard
    error.
    """

    auc: float
    error: float
    copied: float
    copied_error: float
    samples: int
    others: int


def compare_distances(samples: Tensor, others: Tensor, singled_out: Tensor | None = None) -> Comparison:
    """Return the comparison of the distances of samples (N,) and of other images (M,), N and M at least 2.

    If ``singled_out``, bool (N,), is given, only these samples may count as copies.
    """
    placements = share_below(samples, others)
    against = 1 - share_below(others, samples)
    error = (placements.var() / len(samples) + against.var() / len(others)).sqrt()
    copies = samples < torch.quantile(others.double(), 0.01)
    if singled_out is not None:
        copies &= singled_out
    copied = float(copies.double().mean())
    copied_error = (copied * (1 - copied) / len(samples)) ** 0.5
    auc = 1 - float(placements.mean())
    return Comparison(auc, float(error), copied, copied_error, len(samples), len(others))


def singled_out(neighbours: Nearest) -> Tensor:
    """Return which queries have a neighbour at less than half the mean distance of their k nearest, bool (N,).

    A copy is near a single image, whereas a blurred image is near many (arXiv 2301.13188, k = 50).
    """
    return neighbours.distances[:, 0] < 0.5 * neighbours.distances.mean(1)


def share_below(values: Tensor, others: Tensor) -> Tensor:
    """Return for each value (N,) the share of others (M,) below it, a tie counting half."""
    ordered = others.sort().values
    below = torch.searchsorted(ordered, values.contiguous()) + torch.searchsorted(
        ordered, values.contiguous(), right=True
    )
    return below.double() / (2 * len(others))


NO_SIGN = "no sign of memorization"
NEARER = "nearer than held-out images, but hardly any copies"
MEMORIZED = "memorized"


def verdict(comparison: Comparison) -> str:
    """Return whether the comparison shows memorization, at 1.96 standard errors.

    Typical samples are nearer to real images than real images are to one another, without being copies. So
    memorization also requires copies, five times as many as there would appear to be among held-out images.
    """
    if comparison.auc - 1.96 * comparison.error <= 0.5:
        return NO_SIGN
    return MEMORIZED if comparison.copied - 1.96 * comparison.copied_error > 0.05 else NEARER
