"""Interpolation between anchors: linear and spherical, at equal steps or distances, and its smoothness."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

Interpolation = Callable[[Tensor, Tensor, Tensor], Tensor]
"""Maps two points (D,) and fractions (T,) to interpolated points (T, D)."""
Trajectory = Callable[[Tensor], Tensor]
"""Maps positions (T,) on a path to points (T, ...): k to the k-th anchor, other numbers to points in between."""
PARTS = 8
"""Number of parts that a step is divided into, to detect discontinuities."""


def lerp(a: Tensor, b: Tensor, fraction: Tensor) -> Tensor:
    """Return the points (T, D) at fractions (T,) of the straight line from a (D,) to b (D,)."""
    return torch.lerp(a, b, fraction[:, None])


def slerp(a: Tensor, b: Tensor, fraction: Tensor) -> Tensor:
    """Return the points (T, D) at fractions (T,) of the angle from a (D,) to b (D,) (arXiv 1609.04468).

    Between points on a sphere they stay on it. Equal or opposite directions, which do not determine a plane, are
    interpolated linearly.
    """
    cosine = torch.dot(a, b) / (a.norm() * b.norm())
    angle = torch.arccos(cosine.clamp(-1, 1))
    if not torch.sin(angle) > 1e-4:
        return lerp(a, b, fraction)
    part = fraction[:, None] * angle
    return (torch.sin(angle - part) * a + torch.sin(part) * b) / torch.sin(angle)


def points_along(anchors: Tensor, positions: Tensor, interpolate: Interpolation = lerp) -> Tensor:
    """Return the points (T, D) at positions (T,), from 0 to K - 1, on the path through anchors (K, D)."""
    segments = positions.floor().clamp(0, len(anchors) - 2)
    points = anchors.new_empty(len(positions), anchors.shape[1])
    for segment in range(len(anchors) - 1):
        inside = segments == segment
        fractions = (positions[inside] - segment).to(anchors)
        points[inside] = interpolate(anchors[segment], anchors[segment + 1], fractions)
    return points


def crossfade(images: Tensor) -> Trajectory:
    """Return the path that linearly interpolates the pixels of consecutive images (K, C, H, W)."""
    return lambda positions: points_along(images.flatten(1), positions).unflatten(1, images.shape[1:])


def equally_spaced(segments: int, steps: int) -> Tensor:
    """Return positions (T,), T = segments * steps + 1, that divide every segment into ``steps`` equal parts."""
    return torch.arange(segments * steps + 1) / steps


def equal_distances(positions: Tensor, features: Tensor, steps: int) -> Tensor:
    """Return positions (steps + 1,) at equal distances in features along a path.

    ``features`` (T, D) are those at ``positions`` (T,). A path of constant features is divided into equal parts.
    """
    lengths = distances(features).cumsum(0)
    if not lengths[-1] > 0:
        return torch.linspace(float(positions[0]), float(positions[-1]), steps + 1)
    wanted = np.linspace(0, float(lengths[-1]), steps + 1)
    return torch.from_numpy(np.interp(wanted, np.append(0, lengths.numpy()), positions.numpy())).float()


def distances(features: Tensor) -> Tensor:
    """Return the distances (T - 1,) between consecutive rows of features (T, D), in float64."""
    points = features.double()
    output: Tensor = (points[1:] - points[:-1]).norm(dim=1)
    return output


@dataclass(frozen=True)
class Smoothness:
    """How evenly images change along a path, measured in features.

    ``steps`` are the distances between consecutive images, ``length`` is their sum, and ``jump`` the ratio of the
    largest to their mean: 1 if all are equal, and the number of steps if all change happens in one step.
    """

    steps: tuple[float, ...]
    length: float
    jump: float


def smoothness(features: Tensor) -> Smoothness:
    """Return how evenly features (T, D) change from row to row; constant features have a jump of 1."""
    steps = distances(features)
    length = float(steps.sum())
    jump = float(steps.max()) / (length / len(steps)) if length > 0 else 1.0
    return Smoothness(tuple(steps.tolist()), length, jump)


def leap(path: Trajectory, features: Callable[[Tensor], Tensor], positions: Tensor) -> float:
    """Return the share of the largest step between positions (T,) that is in the largest of its eight parts.

    ``features`` maps points of the path to features (T, D). An eighth is even, and the limit of a smooth path for small
    steps; 1 is a discontinuity, however small the steps are. Constant features give an eighth.
    """
    largest = int(distances(features(path(positions))).argmax())
    start, end = float(positions[largest]), float(positions[largest + 1])
    parts = distances(features(path(torch.linspace(start, end, PARTS + 1))))
    return float(parts.max() / parts.sum()) if parts.sum() > 0 else 1 / PARTS
