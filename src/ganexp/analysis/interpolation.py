"""Interpolation through anchors: lines and arcs, step placement, and smoothness."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

Between = Callable[[Tensor, Tensor, Tensor], Tensor]
Way = Callable[[Tensor], Tensor]
"""Maps positions (T,) to points (T, ...): the k-th anchor at k, and interpolated points in between."""
PARTS = 8
"""Number of parts that a step is divided into, to detect discontinuities."""


def line(a: Tensor, b: Tensor, share: Tensor) -> Tensor:
    """Return the points (T, D) at fractions (T,) of the straight line from a (D,) to b (D,) (lerp)."""
    return torch.lerp(a, b, share[:, None])


def arc(a: Tensor, b: Tensor, share: Tensor) -> Tensor:
    """Return the points (T, D) at fractions (T,) of the angle from a (D,) to b (D,) (slerp, arXiv 1609.04468).

    Between points of one sphere it stays on that sphere. For equal or opposite directions, which do not determine a
    plane, it is the straight line.
    """
    cosine = torch.dot(a, b) / (a.norm() * b.norm())
    angle = torch.arccos(cosine.clamp(-1, 1))
    if not torch.sin(angle) > 1e-4:
        return line(a, b, share)
    towards = share[:, None] * angle
    return (torch.sin(angle - towards) * a + torch.sin(towards) * b) / torch.sin(angle)


def along(anchors: Tensor, places: Tensor, between: Between = line) -> Tensor:
    """Return the points (T, D) at positions (T,), from 0 to K - 1, on the path through anchors (K, D)."""
    legs = places.floor().clamp(0, len(anchors) - 2)
    points = anchors.new_empty(len(places), anchors.shape[1])
    for leg in range(len(anchors) - 1):
        here = legs == leg
        points[here] = between(anchors[leg], anchors[leg + 1], (places[here] - leg).to(anchors))
    return points


def crossfade(images: Tensor) -> Way:
    """Return the path that linearly interpolates the pixels of consecutive images (K, C, H, W)."""
    return lambda places: along(images.flatten(1), places).unflatten(1, images.shape[1:])


def equal_shares(legs: int, steps: int) -> Tensor:
    """Return positions (T,), T = legs * steps + 1, that divide every leg into ``steps`` equal parts."""
    return torch.arange(legs * steps + 1) / steps


def equal_distances(places: Tensor, features: Tensor, steps: int) -> Tensor:
    """Return positions (steps + 1,) at equal distances in features along a path, given features (T, D) at places (T,).

    A constant path is divided into equal parts.
    """
    walked = distances(features).cumsum(0)
    if not walked[-1] > 0:
        return torch.linspace(float(places[0]), float(places[-1]), steps + 1)
    wanted = np.linspace(0, float(walked[-1]), steps + 1)
    return torch.from_numpy(np.interp(wanted, np.append(0, walked.numpy()), places.numpy())).float()


def distances(features: Tensor) -> Tensor:
    """Return the distances (T - 1,) between consecutive rows of features (T, D), in float64."""
    points = features.double()
    output: Tensor = (points[1:] - points[:-1]).norm(dim=1)
    return output


@dataclass(frozen=True)
class Smoothness:
    """How evenly images change along a path, measured in features.

    ``steps`` are the distances between consecutive images, ``length`` is their sum, ``jump`` the largest over their
    mean: 1 is even; the number of steps means that all change happens in one step.
    """

    steps: tuple[float, ...]
    length: float
    jump: float


def smoothness(features: Tensor) -> Smoothness:
    """Return how evenly features (T, D) change from row to row; a constant path counts as even."""
    steps = distances(features)
    length = float(steps.sum())
    jump = float(steps.max()) / (length / len(steps)) if length > 0 else 1.0
    return Smoothness(tuple(steps.tolist()), length, jump)


def leap(way: Way, features: Callable[[Tensor], Tensor], places: Tensor) -> float:
    """Return the largest share of the largest step between places (T,) that falls into one of its eight parts.

    ``features`` maps points on the path to rows (T, D). An eighth is even, and a smooth path tends to it as steps get
    smaller; 1 is a discontinuity, however small the steps are. A constant path gives an eighth.
    """
    largest = int(distances(features(way(places))).argmax())
    parts = distances(features(way(torch.linspace(float(places[largest]), float(places[largest + 1]), PARTS + 1))))
    return float(parts.max() / parts.sum()) if parts.sum() > 0 else 1 / PARTS
