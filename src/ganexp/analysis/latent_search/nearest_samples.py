"""Search for the noise of a picture from the samples that are nearest to it."""

from torch import Tensor

from ganexp.analysis.latent_search.candidates import CandidateDescent, Candidates
from ganexp.analysis.latent_search.search import Effort, Projected
from ganexp.analysis.latent_search.weighted_distance import WeightedDistance
from ganexp.analysis.subject import Subject


class FromNearestSamples:
    """A search from the nearest samples, of every class in turn if the generator is conditional."""

    starts_from = "nearest sample"

    def __init__(self, subject: Subject, distance: WeightedDistance, effort: Effort) -> None:
        self.descent = CandidateDescent(subject, distance, effort)
        self.samples = samples(subject, effort.candidates)

    def find(self, picture: Tensor) -> Projected:
        """Return the noise of a picture (C, H, W), with its label if any."""
        return self.descent(self.samples, picture)


def samples(subject: Subject, n: int) -> Candidates:
    """Return the samples 0 to n - 1, of every class, or set of attributes, in turn."""
    latents, labels = subject.latents(n), subject.all_labels(n)
    return Candidates(latents, labels, subject.images(latents, labels))
