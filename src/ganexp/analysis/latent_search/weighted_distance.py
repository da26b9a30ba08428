"""A weighted sum of distances of images from a picture."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from ganexp.analysis.latent_search.distances import Distance, feature_distance, lpips_distance, pixel_distance
from ganexp.analysis.subject import Subject


@dataclass(frozen=True)
class WeightedDistance:
    """The sum of ``distances`` by name, each with its weight, computed on a device."""

    distances: Mapping[str, Distance]
    weights: Mapping[str, float]
    device: torch.device

    def to(self, picture: Tensor) -> Callable[[Tensor], Tensor]:
        """Return the distance (S,) of images (S, C, H, W), on the device, from a picture (C, H, W)."""
        target = picture[None].to(self.device)

        def total(images: Tensor) -> Tensor:
            parts = (self.weights[name] * distance(images, target) for name, distance in self.distances.items())
            return sum(parts, torch.zeros(()))

        return total

    @torch.no_grad()
    def parts(self, image: Tensor, picture: Tensor) -> dict[str, float]:
        """Return each distance, by name and without its weight, of an image and a picture (C, H, W)."""
        pair = image[None].to(self.device), picture[None].to(self.device)
        return {name: float(distance(*pair)) for name, distance in self.distances.items()}


def weighted_distance(subject: Subject, weights: Mapping[str, float]) -> WeightedDistance:
    """Return the sum of the distances ``pixels``, ``features`` and ``lpips`` with these weights, 0 to leave one out."""

    def features(images: Tensor) -> Tensor:
        # The extractor's own call takes bytes and has no gradients.
        return subject.extractor.outputs((images + 1) * 127.5)["features"].float()

    possible: dict[str, Callable[[], Distance]] = {
        "pixels": lambda: pixel_distance,
        "features": lambda: feature_distance(features),
        "lpips": lambda: lpips_distance(subject.device),
    }
    chosen = {name: possible[name]() for name, weight in weights.items() if weight}
    return WeightedDistance(chosen, weights, subject.device)
