"""Search for the noise of a picture from the code that the model's encoder gives it."""

from torch import Tensor

from ganexp.analysis.latent_search.candidates import CandidateDescent, Candidates
from ganexp.analysis.latent_search.search import Effort, Projected
from ganexp.analysis.latent_search.weighted_distance import WeightedDistance
from ganexp.analysis.subject import Subject


class FromEncoding:
    """A search from the code of the picture, of a ``subject`` with an encoder."""

    starts_from = "encoding"

    def __init__(self, subject: Subject, distance: WeightedDistance, effort: Effort) -> None:
        self.subject = subject
        self.descent = CandidateDescent(subject, distance, effort)

    def find(self, picture: Tensor) -> Projected:
        """Return the noise of a picture (C, H, W)."""
        code = self.subject.encodings(picture[None])
        return self.descent(Candidates(code, None, self.subject.images(code)), picture)
