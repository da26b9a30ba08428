"""Maximum mean discrepancy under a Gaussian kernel, CMMD in CLIP's embeddings (arXiv 2401.09603)."""

import torch
from torch import Tensor

from ganexp.metrics.score import FeatureStore, Reference, Score

BLOCK = 1024


class GaussianMMD(FeatureStore):
    """Squared MMD of all features under exp(-|x - y|^2 / (2 sigma^2)), times ``scale`` (arXiv 2401.09603, section 4).

    As in the authors' code the estimate is the biased one of arXiv 0805.2368, eq. 5, with each image paired with itself
    too, so it is at least 0, and 0 for equal sets.
    """

    higher_is_better = False
    parts = ("",)

    def __init__(self, reference: Reference | None, samples: int, sigma: float = 10.0, scale: float = 1000.0) -> None:
        super().__init__(reference, samples)
        self.sigma = sigma
        self.scale = scale
        self._real_mean: float | None = None

    def scores(self) -> dict[str, Score]:
        """Return the discrepancy."""
        fake, real = (features.double() for features in self.pair())
        # The real images are the same every time.
        if self._real_mean is None:
            self._real_mean = mean_kernel(real, real, self.sigma)
        distance = mean_kernel(fake, fake, self.sigma) + self._real_mean - 2 * mean_kernel(fake, real, self.sigma)
        return {"": Score(self.scale * distance)}

    def settings(self) -> dict[str, int | float | str]:
        """Return the kernel's width and the factor."""
        return {"sigma": self.sigma, "scale": self.scale}


def mean_kernel(x: Tensor, y: Tensor, sigma: float) -> float:
    """Return the mean of exp(-|x - y|^2 / (2 sigma^2)) over all pairs of features x (N, D) and y (M, D)."""
    squares = y.square().sum(1)
    total = torch.zeros((), dtype=x.dtype, device=x.device)
    for part in x.split(BLOCK):
        # In place, as the matrix of a block and of 50,000 images has 400 MB.
        distances = (part @ y.T).mul_(-2).add_(part.square().sum(1)[:, None]).add_(squares)
        total += distances.mul_(-1 / (2 * sigma**2)).exp_().sum()
    return float(total / (len(x) * len(y)))
