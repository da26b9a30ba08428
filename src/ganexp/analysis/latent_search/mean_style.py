"""Search for a style that all layers share, from the mean of the samples' styles (arXiv 1912.04958, appendix D)."""

from typing import NamedTuple

from torch import Tensor

from ganexp.analysis.latent_search.descent import annealed
from ganexp.analysis.latent_search.search import Effort, Projected, generation
from ganexp.analysis.latent_search.weighted_distance import WeightedDistance
from ganexp.analysis.subject import Subject
from ganexp.numerics.randomness import generator as rng


class FromMeanStyle:
    """A search from the mean style of the candidates of a ``subject``, whose latents are styles."""

    starts_from = "mean style"

    def __init__(self, subject: Subject, distance: WeightedDistance, effort: Effort) -> None:
        self.subject = subject
        self.distance = distance
        self.effort = effort
        self.mean, self.spread = mean_style(subject.latents(effort.candidates))

    def find(self, picture: Tensor) -> Projected:
        """Return the style of a picture (C, H, W)."""
        style = annealed(
            generation(self.subject),
            self.distance.to(picture),
            self.mean.to(self.subject.device),
            self.effort.steps,
            self.effort.rate,
            self.spread,
            rng(self.subject.seed, "projection into styles"),
        )
        return Projected(self.subject.images(self.mean)[0], style[0].cpu(), None)


class MeanStyle(NamedTuple):
    """The mean (1, width) of styles, and the root of their mean squared distance from it."""

    mean: Tensor
    spread: float


def mean_style(styles: Tensor) -> MeanStyle:
    """Return the mean of styles (N, width) and their spread."""
    mean = styles.mean(0, keepdim=True)
    return MeanStyle(mean, float((styles - mean).square().sum(1).mean().sqrt()))
