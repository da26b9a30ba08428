"""Random geometric and colour transformations as homogeneous matrices (arXiv 2006.06676, appendix B)."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce

import torch
from torch import Tensor
from torch.nn.functional import affine_grid

from ganexp.augmentation.multipliers import Multipliers
from ganexp.numerics.grid_sampling import bilinear_samples

HALF_TURN = math.pi
OCTAVE = math.log(2)
EVERYTHING = Multipliers()
CUTOUT = 0.5
"""The sides of a cutout, relative to the image's."""


@dataclass(frozen=True)
class Numbers:
    """Random numbers (n,), one per image."""

    n: int
    rng: torch.Generator

    def uniform(self, bound: float) -> Tensor:
        """Return numbers from the uniform distribution on [-bound, bound)."""
        return bound * (2 * torch.rand(self.n, generator=self.rng, device=self.rng.device) - 1)

    def normal(self, deviation: float) -> Tensor:
        """Return numbers from N(0, deviation^2)."""
        return deviation * torch.randn(self.n, generator=self.rng, device=self.rng.device)

    def whole(self, below: int) -> Tensor:
        """Return uniform integers from 0 to ``below`` - 1, as floats."""
        return torch.randint(below, (self.n,), generator=self.rng, device=self.rng.device).float()

    def sometimes(self, p: Tensor, matrices: Tensor) -> Tensor:
        """Return every matrix of (n, k, k) with probability p, otherwise the identity."""
        identity = torch.eye(matrices.shape[1], device=matrices.device)
        return torch.where(self.happens(p)[:, None, None], matrices, identity)

    def happens(self, p: Tensor) -> Tensor:
        """Return booleans (n,), each true with probability p."""
        return torch.rand(self.n, generator=self.rng, device=self.rng.device) < p


def random_geometry(
    numbers: Numbers, p: Tensor, height: int, width: int, multipliers: Multipliers = EVERYTHING
) -> Tensor:
    """Return matrices (n, 3, 3) that map output positions to input positions, in pixels from the centre."""
    # For either of two rotations, so that an image is rotated with probability p.
    turned = 1 - (1 - multipliers.rotate * p).sqrt()
    mirror = 1 - 2 * numbers.whole(2)
    zoom, stretch = numbers.normal(0.2 * OCTAVE).exp(), numbers.normal(0.2 * OCTAVE).exp()
    steps = [
        (multipliers.xflip * p, scaling(mirror, torch.ones_like(mirror))),
        (multipliers.rotate90 * p, rotation(numbers.whole(4) * HALF_TURN / 2)),
        (
            multipliers.xint * p,
            translation((numbers.uniform(1 / 8) * width).round(), (numbers.uniform(1 / 8) * height).round()),
        ),
        (multipliers.scale * p, scaling(zoom, zoom)),
        (turned, rotation(numbers.uniform(HALF_TURN))),
        (multipliers.aniso * p, scaling(stretch, 1 / stretch)),
        (turned, rotation(numbers.uniform(HALF_TURN))),
        (multipliers.xfrac * p, translation(numbers.normal(1 / 8) * width, numbers.normal(1 / 8) * height)),
    ]
    # A step and its inverse are equally likely, so the product in this order inverts the paper's sequence.
    return reduce(torch.matmul, [numbers.sometimes(*step) for step in steps])


def random_colours(numbers: Numbers, p: Tensor, multipliers: Multipliers = EVERYTHING) -> Tensor:
    """Return matrices (n, 4, 4) that map homogeneous colours (R, G, B, 1) to homogeneous colours."""
    steps = [
        (multipliers.brightness * p, brightness(numbers.normal(0.2))),
        (multipliers.contrast * p, contrast(numbers.normal(0.5 * OCTAVE).exp())),
        (multipliers.lumaflip * p, luma(1 - 2 * numbers.whole(2))),
        (multipliers.hue * p, hue(numbers.uniform(HALF_TURN))),
        (multipliers.saturation * p, saturation(numbers.normal(OCTAVE).exp())),
    ]
    return reduce(torch.matmul, [numbers.sometimes(*step) for step in reversed(steps)])


def random_cutouts(numbers: Numbers, p: Tensor, multipliers: Multipliers = EVERYTHING) -> Tensor:
    """Return rectangles (n, 3): the centre (x, y) in [0, 1), and the size relative to the image's, 0 for none."""
    centre = [(numbers.uniform(1) + 1) / 2 for _ in range(2)]
    size = CUTOUT * numbers.happens(multipliers.cutout * p)
    return torch.stack([*centre, size], dim=1)


def resampled(images: Tensor, geometry: Tensor) -> Tensor:
    """Return images (N, C, H, W) sampled at positions mapped by matrices (N, 3, 3), with reflection padding.

    An identity matrix leaves its image exactly unchanged.
    """
    grid = sampling_grid(images, geometry, images.shape[2:])
    return torch.where(is_identity(geometry), images, bilinear_samples(images, grid, "reflection"))


def sampling_grid(images: Tensor, geometry: Tensor, size: Sequence[int]) -> Tensor:
    """Return positions (N, h, w, 2) in images (N, C, H, W), -1 and 1 at their edges, of outputs of a size (h, w).

    The matrices (N, 3, 3) map output positions to input positions, in pixels from the centre.
    """
    # To torch's normalized coordinates, with the edges at -1 and 1.
    shares = geometry.to(images) * half_extents(images, size) / half_extents(images, images.shape[2:])[:, None]
    return affine_grid(shares[:, :2], [*images.shape[:2], *size], align_corners=False)


def half_extents(images: Tensor, size: Sequence[int]) -> Tensor:
    """Return half the width, half the height and 1 (3,), of a size (h, w), on the images' device."""
    height, width = size
    # Filled on the device: a copy of a list from the processor would make it wait.
    return torch.cat([images.new_full((1,), extent) for extent in (width / 2, height / 2, 1)])


def recoloured(images: Tensor, colours: Tensor) -> Tensor:
    """Return images (N, C, H, W) of 1 or 3 channels with matrices (N, 4, 4) applied to each pixel's colour.

    A grey image is expanded to RGB and averaged to grey again. An identity matrix leaves its image exactly unchanged.
    """
    matrices = colours.to(images)
    rgb = images.expand(-1, 3, -1, -1).flatten(2)
    changed = torch.baddbmm(matrices[:, :3, 3:], matrices[:, :3, :3], rgb).unflatten(2, images.shape[2:])
    if images.shape[1] == 1:
        changed = changed.mean(1, keepdim=True)
    return torch.where(is_identity(colours), images, changed)


def with_cutouts(images: Tensor, rectangles: Tensor) -> Tensor:
    """Return images (N, C, H, W) that are 0, a medium grey, within rectangles (N, 3) of `random_cutouts`."""
    x, y, size = rectangles.to(images).unbind(1)
    columns, rows = (_within(images, extent, centre, size) for extent, centre in zip((3, 2), (x, y), strict=True))
    return images.masked_fill((rows[:, :, None] & columns[:, None])[:, None], 0)


def _within(images: Tensor, dimension: int, centre: Tensor, size: Tensor) -> Tensor:
    extent = images.shape[dimension]
    pixels = (torch.arange(extent, device=images.device, dtype=images.dtype) + 0.5) / extent
    return (pixels - centre[:, None]).abs() < size[:, None] / 2


def is_identity(matrices: Tensor) -> Tensor:
    """Return which of the matrices (N, k, k) are the identity, as booleans (N, 1, 1, 1)."""
    return (matrices == torch.eye(matrices.shape[1], device=matrices.device)).all(2).all(1)[:, None, None, None]


def translation(x: Tensor, y: Tensor) -> Tensor:
    """Return matrices (n, 3, 3) that translate by x and y (n,)."""
    one, zero = torch.ones_like(x), torch.zeros_like(x)
    return rows([one, zero, x], [zero, one, y], [zero, zero, one])


def scaling(x: Tensor, y: Tensor) -> Tensor:
    """Return matrices (n, 3, 3) that scale by x and y (n,)."""
    return torch.diag_embed(torch.stack([x, y, torch.ones_like(x)], dim=1))


def rotation(angle: Tensor) -> Tensor:
    """Return matrices (n, 3, 3) that rotate by angles (n,)."""
    one, zero, cos, sin = torch.ones_like(angle), torch.zeros_like(angle), angle.cos(), angle.sin()
    return rows([cos, -sin, zero], [sin, cos, zero], [zero, zero, one])


def brightness(by: Tensor) -> Tensor:
    """Return matrices (n, 4, 4) that add numbers (n,) to all three channels."""
    matrices = torch.eye(4, device=by.device).repeat(len(by), 1, 1)
    matrices[:, :3, 3] = by[:, None]
    return matrices


def contrast(factor: Tensor) -> Tensor:
    """Return matrices (n, 4, 4) that multiply all three channels by factors (n,)."""
    return along_and_across_grey(factor, factor)


def luma(factor: Tensor) -> Tensor:
    """Return matrices (n, 4, 4) that scale a colour's component along the grey axis by factors (n,)."""
    return along_and_across_grey(factor, torch.ones_like(factor))


def saturation(factor: Tensor) -> Tensor:
    """Return matrices (n, 4, 4) that scale a colour's component orthogonal to the grey axis by factors (n,)."""
    return along_and_across_grey(torch.ones_like(factor), factor)


def hue(angle: Tensor) -> Tensor:
    """Return matrices (n, 4, 4) that rotate colours by angles (n,) about the grey axis (Rodrigues' formula)."""
    cycle = torch.eye(3, device=angle.device).roll(1, 0)
    turned = (cycle - cycle.T) / math.sqrt(3)
    matrices = along_and_across_grey(torch.ones_like(angle), angle.cos())
    matrices[:, :3, :3] += angle.sin()[:, None, None] * turned
    return matrices


def along_and_across_grey(along: Tensor, across: Tensor) -> Tensor:
    """Return matrices (n, 4, 4) that scale a colour's components along grey and orthogonal to it by factors (n,)."""
    grey = torch.full((3, 3), 1 / 3, device=along.device)
    rest = torch.eye(3, device=along.device) - grey
    matrices = torch.eye(4, device=along.device).repeat(len(along), 1, 1)
    matrices[:, :3, :3] = along[:, None, None] * grey + across[:, None, None] * rest
    return matrices


def rows(*entries: list[Tensor]) -> Tensor:
    """Return matrices (n, k, k) from their entries (n,), row by row."""
    return torch.stack([torch.stack(row, dim=1) for row in entries], dim=1)
