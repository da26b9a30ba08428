"""Ways through anchors, where to step on them, and how smooth they are."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

Between = Callable[[Tensor, Tensor, Tensor], Tensor]
Way = Callable[[Tensor], Tensor]
"""From places (T,) to what is there (T, ...): the k-th anchor at k, and between anchors the share of the way."""
PARTS = 8
"""Into how many parts a step is divided, to see whether it is a leap."""


def line(a: Tensor, b: Tensor, share: Tensor) -> Tensor:
    """Return the points (T, D) at these shares (T,) of the way from a (D,) to b (D,), straight."""
    return torch.lerp(a, b, share[:, None])


def arc(a: Tensor, b: Tensor, share: Tensor) -> Tensor:
    """Return the points (T, D) at these shares (T,) of the angle from a (D,) to b (D,) (slerp, arXiv 1609.04468).

    Between points of one sphere it stays on that sphere. Where the directions are equal or opposite, which leaves the
    angle's plane open, it is the straight line.
    """
    cosine = torch.dot(a, b) / (a.norm() * b.norm())
    angle = torch.arccos(cosine.clamp(-1, 1))
    if not torch.sin(angle) > 1e-4:
        return line(a, b, share)
    towards = share[:, None] * angle
    return (torch.sin(angle - towards) * a + torch.sin(towards) * b) / torch.sin(angle)


def along(anchors: Tensor, places: Tensor, between: Between = line) -> Tensor:
    """Return the points (T, D) at these places (T,), from 0 to K - 1, of the way through anchors (K, D)."""
    legs = places.floor().clamp(0, len(anchors) - 2)
    points = anchors.new_empty(len(places), anchors.shape[1])
    for leg in range(len(anchors) - 1):
        here = legs == leg
        points[here] = between(anchors[leg], anchors[leg + 1], (places[here] - leg).to(anchors))
    return points


def crossfade(images: Tensor) -> Way:
    """Return the way on which each of images (K, C, H, W) fades into the next, pixel by pixel."""
    return lambda places: along(images.flatten(1), places).unflatten(1, images.shape[1:])


def equal_shares(legs: int, steps: int) -> Tensor:
    """Return the places (T,) of a way of so many legs, T = legs * steps + 1, that divide each into equal shares."""
    return torch.arange(legs * steps + 1) / steps


def equal_distances(places: Tensor, features: Tensor, steps: int) -> Tensor:
    """Return places (steps + 1,) at equal distances along the way, of which features (T, D) at places (T,) are known.

    A way that never changes is divided into equal shares.
    """
    walked = distances(features).cumsum(0)
    if not walked[-1] > 0:
        return torch.linspace(float(places[0]), float(places[-1]), steps + 1)
    wanted = np.linspace(0, float(walked[-1]), steps + 1)
    return torch.from_numpy(np.interp(wanted, np.append(0, walked.numpy()), places.numpy())).float()


def distances(features: Tensor) -> Tensor:
    """Return the distances (T - 1,) between neighbouring rows of features (T, D), in float64."""
    points = features.double()
    return (points[1:] - points[:-1]).norm(dim=1)


@dataclass(frozen=True)
class Smoothness:
    """How evenly something changes along a way, measured in features.

    ``steps`` are the distances of neighbours, ``length`` is their sum, ``jump`` the largest over their mean: 1 is
    even, and the number of steps is one leap.
    """

    steps: tuple[float, ...]
    length: float
    jump: float


def smoothness(features: Tensor) -> Smoothness:
    """Return how evenly features (T, D) change from row to row; a way that never changes is even."""
    steps = distances(features)
    length = float(steps.sum())
    jump = float(steps.max()) / (length / len(steps)) if length > 0 else 1.0
    return Smoothness(tuple(steps.tolist()), length, jump)


def leap(way: Way, features: Callable[[Tensor], Tensor], places: Tensor) -> float:
    """Return how much of the largest step between places (T,) is taken in one of its eight parts.

    ``features`` maps what is on the way to rows (T, D). An eighth is even; on a smooth way it tends to that as steps
    get smaller. 1 is a leap, which stays one however small the steps are. A way that never changes has none.
    """
    largest = int(distances(features(way(places))).argmax())
    parts = distances(features(way(torch.linspace(float(places[largest]), float(places[largest + 1]), PARTS + 1))))
    return float(parts.max() / parts.sum()) if parts.sum() > 0 else 1 / PARTS
