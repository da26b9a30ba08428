"""Kernel distance of features: KID (arXiv 1801.01401)."""

import numpy as np
import torch
from torch import Tensor
from torchmetrics.image.kid import poly_kernel, poly_mmd

from ganexp.errors import UserError
from ganexp.metrics.score import FeatureStore, Reference, Score

BLOCK = 1024


class KernelDistance(FeatureStore):
    """Squared maximum mean discrepancy under the kernel (x.y / D + 1)^3: mean and deviation over random subsets.

    The estimate is unbiased, so it may be slightly below 0. With fewer images than ``subset_size`` on either
    side each subset is as large as the smaller side. Subsets are drawn as torch-fidelity draws them.
    Raises UserError for fewer than two images.
    """

    higher_is_better = False

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

    @property
    def size(self) -> int:
        """The size of each subset; raises UserError if it is below 2."""
        size = min(self.subset_size, self.samples, len(self.real.features()))
        if size < 2:
            raise UserError("a kernel distance needs subsets of at least two images, fake and real.")
        return size

    def scores(self) -> dict[str, Score]:
        """Return mean and standard deviation over the subsets."""
        fake, real = (features.double() for features in self.pair())
        fakes, reals = self.chosen(len(fake), len(real))
        # Subsets overlap: all kernel values at once are fewer, unless there are many images.
        n, m = len(fake), len(real)
        at_once = n * n + m * m + n * m < 3 * self.subsets * self.size**2
        distances = (overlapping if at_once else one_by_one)(fake, real, fakes, reals)
        return {"": Score(float(distances.mean()), float(distances.std(correction=0)))}

    def chosen(self, fakes: int, reals: int) -> tuple[Tensor, Tensor]:
        """Return the positions (subsets, size) of fakes and of real images in each subset."""
        rng = np.random.RandomState(self.seed)
        pairs = [[rng.choice(count, self.size, replace=False) for count in (fakes, reals)] for _ in range(self.subsets)]
        fake, real = (torch.from_numpy(np.stack(side)) for side in zip(*pairs, strict=True))
        return fake, real

    def settings(self) -> dict[str, int | float | str]:
        """Return number, size and seed of the subsets."""
        return {"subsets": self.subsets, "subset_size": self.size, "seed": self.seed}


def one_by_one(fake: Tensor, real: Tensor, fakes: Tensor, reals: Tensor) -> Tensor:
    """Return each subset's distance (subsets,) from kernels of its own."""
    pairs = zip(fakes.to(fake.device), reals.to(fake.device), strict=True)
    return torch.stack([poly_mmd(real[r], fake[f]) for f, r in pairs])


def overlapping(fake: Tensor, real: Tensor, fakes: Tensor, reals: Tensor) -> Tensor:
    """Return each subset's distance (subsets,) from the kernels of all images, each computed once."""
    size = fakes.shape[1]
    in_fake, in_real = membership(fakes, fake), membership(reals, real)
    within = sums(fake, fake, in_fake, in_fake) + sums(real, real, in_real, in_real)
    diagonal = in_fake @ own_kernel(fake) + in_real @ own_kernel(real)
    return (within - diagonal) / (size * (size - 1)) - 2 * sums(fake, real, in_fake, in_real) / size**2


def membership(chosen: Tensor, features: Tensor) -> Tensor:
    """Return 1 where an image is in a subset, else 0, (subsets, N), from positions (subsets, size)."""
    shape = len(chosen), len(features)
    return torch.zeros(shape, dtype=features.dtype, device=features.device).scatter_(1, chosen.to(features.device), 1)


def sums(x: Tensor, y: Tensor, in_x: Tensor, in_y: Tensor) -> Tensor:
    """Return, for each subset, the sum of kernel values of all its pairs (subsets,), in blocks of bounded memory."""
    blocks = zip(x.split(BLOCK), in_x.split(BLOCK, dim=1), strict=True)
    return torch.stack([((members @ poly_kernel(part, y)) * in_y).sum(1) for part, members in blocks]).sum(0)


def own_kernel(x: Tensor) -> Tensor:
    """Return the kernel value of each image with itself (N,)."""
    return (x.square().sum(1) / x.shape[1] + 1) ** 3
