"""Anti-aliased drawing of ellipses, boxes and bands by their distance from each pixel."""

from typing import NamedTuple

import numpy as np

Colour = tuple[float, float, float]


class Coordinates(NamedTuple):
    """The positions (H, W) of pixels in a frame of its own, and the width of a pixel in it."""

    x: np.ndarray
    y: np.ndarray
    pixel: float


class Canvas:
    """A picture (H, W, 3) in [0, 1] that shapes are painted on, from the back to the front."""

    def __init__(self, height: int, width: int, background: Colour) -> None:
        self.pixels = np.empty((height, width, 3), dtype=np.float32)
        self.pixels[:] = background

    def paint(self, distance: np.ndarray, pixel: float, colour: Colour, within: np.ndarray | None = None) -> None:
        """Paint where the signed distance (H, W) from a shape's outline is negative, blended over one pixel's width.

        ``within`` (H, W), such as another shape's `coverage`, bounds what is painted.
        """
        alpha = coverage(distance, pixel)
        if within is not None:
            alpha = alpha * within
        self.pixels += alpha[..., None] * (np.asarray(colour, dtype=np.float32) - self.pixels)

    def bytes(self) -> np.ndarray:
        """Return the picture as uint8 (H, W, 3)."""
        return np.rint(self.pixels * 255).astype(np.uint8)


def coverage(distance: np.ndarray, pixel: float) -> np.ndarray:
    """Return the share (H, W) of each pixel that lies inside of an outline, from the distance of its centre."""
    covered: np.ndarray = np.clip(0.5 - distance / pixel, 0, 1)
    return covered


def ellipse(at: Coordinates, centre: tuple[float, float], radii: tuple[float, float], power: float = 2) -> np.ndarray:
    """Return the signed distance (H, W) from an ellipse or, for other powers, a superellipse, exact at its outline."""
    x, y = np.abs(at.x - centre[0]) / radii[0], np.abs(at.y - centre[1]) / radii[1]
    level = (x**power + y**power) ** (1 / power) + 1e-6
    steep = np.hypot((x / level) ** (power - 1) / radii[0], (y / level) ** (power - 1) / radii[1])
    distance: np.ndarray = (level - 1) / np.maximum(steep, 1e-6)
    return distance


def box(at: Coordinates, left: float, top: float, right: float, bottom: float) -> np.ndarray:
    """Return the signed distance (H, W) from a box with edges along the axes, exact at its sides."""
    return np.maximum(np.maximum(left - at.x, at.x - right), np.maximum(top - at.y, at.y - bottom))


def band(at: Coordinates, ends: tuple[tuple[float, float], tuple[float, float]], thickness: float) -> np.ndarray:
    """Return the signed distance (H, W) from a straight band with round ends."""
    (x0, y0), (x1, y1) = ends
    dx, dy = x1 - x0, y1 - y0
    along = np.clip(((at.x - x0) * dx + (at.y - y0) * dy) / (dx * dx + dy * dy + 1e-9), 0, 1)
    distance: np.ndarray = np.hypot(at.x - x0 - along * dx, at.y - y0 - along * dy) - thickness / 2
    return distance


def stripes(at: Coordinates, angle: float, period: float) -> np.ndarray:
    """Return the signed distance (H, W) from parallel stripes that cover half of the plane."""
    phase = (at.x * np.cos(angle) + at.y * np.sin(angle)) / period
    distance: np.ndarray = (np.abs(phase - np.floor(phase) - 0.5) - 0.25) * period
    return distance
