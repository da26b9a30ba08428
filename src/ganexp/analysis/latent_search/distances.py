"""Distances of images from a picture, differentiable."""

from collections.abc import Callable

import torch
from torch import Tensor

from ganexp.metrics.perceptual import PerceptualDistance, require_weights

Distance = Callable[[Tensor, Tensor], Tensor]
"""Maps images (S, C, H, W) and a picture (1, C, H, W), both in [-1, 1], to distances (S,)."""


def pixel_distance(images: Tensor, picture: Tensor) -> Tensor:
    """Return the mean squared difference of pixels (S,), in [0, 4]."""
    return (images - picture).square().flatten(1).mean(1)


def feature_distance(features: Callable[[Tensor], Tensor]) -> Distance:
    """Return the squared distance of features (S, D), relative to the squared length of the picture's."""

    def distance(images: Tensor, picture: Tensor) -> Tensor:
        wanted = features(picture)
        return (features(images) - wanted).square().sum(1) / wanted.square().sum(1).clamp_min(1e-12)

    return distance


def lpips_distance(device: torch.device) -> Distance:
    """Return LPIPS with AlexNet's features (arXiv 1801.03924); raises UserError if the weights are unavailable."""
    require_weights(download=True, without="lpips=0")
    network = PerceptualDistance(download=False).to(device).distance.net

    def distance(images: Tensor, picture: Tensor) -> Tensor:
        rgb = (batch.expand(len(images), 3, -1, -1) for batch in (images, picture))
        values: Tensor = network(*rgb).flatten()
        return values

    return distance
