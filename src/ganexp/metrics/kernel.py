"""Kernel Inception Distance, KID (arXiv 1801.01401), in the features of any extractor."""

import numpy as np
import torch
from torch import Tensor
from torchmetrics.image.kid import poly_mmd

from ganexp.errors import UserError
from ganexp.metrics.score import FeatureStore, Reference, Score

BLOCK = 1024


class KernelDistance(FeatureStore):
    """Squared MMD under the kernel (x.y / D + 1)^3: mean and standard deviation over random subsets.

    The estimate is unbiased, so it may be slightly below 0. With fewer images than ``subset_size`` on either
    side, subsets have the size of the smaller side. Subsets are drawn as in torch-fidelity.
    Raises UserError for fewer than two images.
    """

    higher_is_better = False
    parts = ("",)
    fewest = 2

    def __init__(
        self,
        reference: Reference | None,
        samples: int,
        subsets: int = 100,
        subset_size: int = 1000,
        seed: int = 2020,
    ) -> None:
        super().__init__(reference, samples)
        self.subsets = subsets
        self.subset_size = subset_size
        self.seed = seed
        self._real_parts: dict[int, Tensor] = {}

    @property
    def size(self) -> int:
        """The subset size; raises UserError if it is below 2."""
        size = min(self.subset_size, self.samples, len(self.real.features()))
        if size < 2:
            raise UserError("a kernel distance needs subsets of at least two fake and two real images.")
        return size

    def scores(self) -> dict[str, Score]:
        """Return mean and standard deviation over the subsets.

        Where each subset is all images there is no deviation.
        """
        fake, real = (features.double() for features in self.pair())
        fakes, reals = self.chosen(len(fake), len(real))
        # Subsets overlap, so the full kernel matrices have fewer entries, unless there are many images.
        n, m = len(fake), len(real)
        if n * n + m * m + n * m < 3 * self.subsets * self.size**2:
            # The real images and, for the same number of fakes, their subsets are the same every time.
            if n not in self._real_parts:
                self._real_parts[n] = within(real, reals)
            distances = within(fake, fakes) + self._real_parts[n] - 2 * across(fake, real, fakes, reals)
        else:
            distances = one_by_one(fake, real, fakes, reals)
        spread = None if self.size == n == m else float(distances.std(correction=0))
        return {"": Score(float(distances.mean()), spread)}

    def chosen(self, fakes: int, reals: int) -> tuple[Tensor, Tensor]:
        """Return the positions (subsets, size) of fakes and of real images in each subset."""
        rng = np.random.RandomState(self.seed)
        pairs = [[rng.choice(count, self.size, replace=False) for count in (fakes, reals)] for _ in range(self.subsets)]
        fake, real = (torch.from_numpy(np.stack(side)) for side in zip(*pairs, strict=True))
        return fake, real

    def settings(self) -> dict[str, int | float | str]:
        """Return the number, size and seed of the subsets."""
        return {"subsets": self.subsets, "subset_size": self.size, "seed": self.seed}


def one_by_one(fake: Tensor, real: Tensor, fakes: Tensor, reals: Tensor) -> Tensor:
    """Return the distance of each subset (subsets,), from a separate kernel matrix per subset."""
    pairs = zip(fakes.to(fake.device), reals.to(fake.device), strict=True)
    return torch.stack([poly_mmd(real[r], fake[f]) for f, r in pairs])


def within(x: Tensor, subsets: Tensor) -> Tensor:
    """Return the mean kernel value of pairs of different images of one side, per subset (subsets,).

    The kernel matrix of all images is computed once, and each pair only once.
    """
    size = subsets.shape[1]
    member = membership(subsets, x)
    total = torch.zeros(len(subsets), dtype=x.dtype, device=x.device)
    for first in range(0, len(x), BLOCK):
        here, later = slice(first, first + BLOCK), slice(first + BLOCK, len(x))
        weighted = member[:, here] @ kernel(x[here], x[first:])
        total += (weighted[:, :BLOCK] * member[:, here]).sum(1) + 2 * (weighted[:, BLOCK:] * member[:, later]).sum(1)
    return (total - member @ own_kernel(x)) / (size * (size - 1))


def across(x: Tensor, y: Tensor, subsets_x: Tensor, subsets_y: Tensor) -> Tensor:
    """Return the mean kernel value between images of one side and of the other, per subset (subsets,)."""
    in_x, in_y = membership(subsets_x, x), membership(subsets_y, y)
    blocks = zip(x.split(BLOCK), in_x.split(BLOCK, dim=1), strict=True)
    total = torch.stack([((member @ kernel(part, y)) * in_y).sum(1) for part, member in blocks]).sum(0)
    return total / (subsets_x.shape[1] * subsets_y.shape[1])


def membership(chosen: Tensor, features: Tensor) -> Tensor:
    """Return the indicator matrix (subsets, N), 1 where an image is in a subset, from positions (subsets, size)."""
    shape = len(chosen), len(features)
    return torch.zeros(shape, dtype=features.dtype, device=features.device).scatter_(1, chosen.to(features.device), 1)


def kernel(x: Tensor, y: Tensor) -> Tensor:
    """Return the kernel matrix (N, M) of (x.y / D + 1)^3 for x (N, D) and y (M, D)."""
    # In place, as allocating memory of this size takes as long as the arithmetic.
    return (x @ y.T).div_(x.shape[1]).add_(1).pow_(3)


def own_kernel(x: Tensor) -> Tensor:
    """Return the kernel value of each image with itself (N,)."""
    return (x.square().sum(1) / x.shape[1] + 1) ** 3
