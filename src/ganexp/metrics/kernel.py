"""Kernel distance of features: KID (arXiv 1801.01401)."""

import numpy as np
from torchmetrics.image.kid import poly_mmd

from ganexp.errors import UserError
from ganexp.metrics.score import FeatureStore, Reference, Score


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
        (fake, real), size = self.pair(), self.size
        rng = np.random.RandomState(self.seed)
        distances = []
        for _ in range(self.subsets):
            fakes = fake[rng.choice(len(fake), size, replace=False)].double()
            reals = real[rng.choice(len(real), size, replace=False)].double()
            distances.append(float(poly_mmd(reals, fakes)))
        return {"": Score(float(np.mean(distances)), float(np.std(distances)))}

    def settings(self) -> dict[str, int | float | str]:
        """Return number, size and seed of the subsets."""
        return {"subsets": self.subsets, "subset_size": self.size, "seed": self.seed}
