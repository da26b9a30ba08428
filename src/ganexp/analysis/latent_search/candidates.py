"""Descent to the noise of a picture from the nearest of some candidates (arXiv 1609.03552, eq. 4)."""

from dataclasses import dataclass

import torch
from torch import Tensor

from ganexp.analysis.latent_search.descent import descended
from ganexp.analysis.latent_search.search import Effort, Projected, generation
from ganexp.analysis.latent_search.weighted_distance import WeightedDistance
from ganexp.analysis.subject import Subject
from ganexp.numerics.randomness import BLOCK


@dataclass(frozen=True)
class Candidates:
    """Noise (M, latent), labels (M, …) if the generator takes them, and the samples (M, C, H, W) that they give."""

    latents: Tensor
    labels: Tensor | None
    images: Tensor


class CandidateDescent:
    """A descent from the nearest of some candidates, of which each keeps its label.

    Noise stays within the reach of the samples and of the candidates.
    """

    def __init__(self, subject: Subject, distance: WeightedDistance, effort: Effort) -> None:
        self.subject = subject
        self.distance = distance
        self.effort = effort
        self.reach = subject.latents(effort.candidates).abs().max()

    def __call__(self, candidates: Candidates, picture: Tensor) -> Projected:
        """Return the noise of a picture (C, H, W), with its label if any."""
        distance, device = self.distance.to(picture), self.subject.device
        with torch.no_grad():
            far = torch.cat([distance(part.to(device)).cpu() for part in candidates.images.split(BLOCK)])
        nearest = far.argsort()[: self.effort.starts]
        labels = None if candidates.labels is None else candidates.labels[nearest]
        latents, least = descended(
            generation(self.subject, labels),
            distance,
            candidates.latents[nearest].to(device),
            self.effort.steps,
            self.effort.rate,
            # Codes may lie beyond all samples.
            float(torch.maximum(self.reach, candidates.latents.abs().max())),
        )
        best = int(least.argmin())
        return Projected(candidates.images[nearest[0]], latents[best].cpu(), None if labels is None else labels[best])
