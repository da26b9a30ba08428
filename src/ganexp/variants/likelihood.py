"""Likelihoods of images given their reconstructions, and the divergence of codes from the prior, in nats.

All are computed in float32 or better.
"""

import math

from torch import Tensor

from ganexp.numerics.gradients import promote_to_float32


class Gaussian:
    """Independent normal distributions of the values in [-1, 1] around the reconstruction (arXiv 1312.6114, eq. 12).

    ``std`` is their standard deviation, the same for all values. Raises ValueError unless it is finite and above 0.
    """

    def __init__(self, std: float = 1.0) -> None:
        if not (math.isfinite(std) and std > 0):
            raise ValueError(f"std={std}: it must be a finite number above 0")
        self.std = std

    def __call__(self, reconstructions: Tensor, images: Tensor) -> Tensor:
        """Return the negative logarithms of the densities (N,) of images (N, …)."""
        difference = promote_to_float32(reconstructions) - promote_to_float32(images)
        constant = math.log(self.std) + 0.5 * math.log(2 * math.pi)
        return (0.5 * (difference / self.std).square() + constant).flatten(1).sum(1)


class Bernoulli:
    """Independent Bernoulli distributions of pixels, black or white, with a reconstruction as the probability of white.

    Grey levels count as probabilities: then it is the cross-entropy, which is no likelihood (arXiv 1312.6114, eq. 11).
    """

    smallest = 1e-6
    """The smallest probability: a tanh that is rounded to 1 or -1 would have infinite terms and no gradient."""

    def __call__(self, reconstructions: Tensor, images: Tensor) -> Tensor:
        """Return the cross-entropies (N,) of images (N, …) and their reconstructions, both in [-1, 1]."""
        white, wanted = ((promote_to_float32(tensor) + 1) / 2 for tensor in (reconstructions, images))
        white = white.clamp(self.smallest, 1 - self.smallest)
        return -(wanted * white.log() + (1 - wanted) * (1 - white).log()).flatten(1).sum(1)


def kl_from_standard_normal(mean: Tensor, log_variance: Tensor) -> Tensor:
    """Return the divergence (N,) of N(mean, exp(log_variance)), both (N, D), from N(0, 1) (arXiv 1312.6114, app. B)."""
    mean, log_variance = promote_to_float32(mean), promote_to_float32(log_variance)
    return 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).sum(1)


def reparameterized(mean: Tensor, log_variance: Tensor, noise: Tensor) -> Tensor:
    """Return the latents mean + std * noise (N, D) of standard normal noise (N, D) (arXiv 1312.6114, eq. 10)."""
    return mean + (0.5 * log_variance).exp() * noise.to(mean)
