"""Random geometric and colour transformations as homogeneous matrices (arXiv 2006.06676, appendix B)."""

import math
from dataclasses import dataclass
from functools import reduce

import torch
from torch import Tensor
from torch.nn.functional import affine_grid, grid_sample

from ganexp.numerics import deterministic

HALF_TURN = math.pi
OCTAVE = math.log(2)


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
        happens = torch.rand(self.n, generator=self.rng, device=self.rng.device) < p
        return torch.where(happens[:, None, None], matrices, torch.eye(matrices.shape[1], device=matrices.device))


def random_geometry(numbers: Numbers, p: Tensor, height: int, width: int) -> Tensor:
    """Return matrices (n, 3, 3) that map output positions to input positions, in pixels from the centre."""
    turned = 1 - (1 - p).sqrt()  # for either of two rotations, so that an image is rotated with probability p
    mirror = 1 - 2 * numbers.whole(2)
    zoom, stretch = numbers.normal(0.2 * OCTAVE).exp(), numbers.normal(0.2 * OCTAVE).exp()
    steps = [
        (p, scaling(mirror, torch.ones_like(mirror))),
        (p, rotation(numbers.whole(4) * HALF_TURN / 2)),
        (p, translation((numbers.uniform(1 / 8) * width).round(), (numbers.uniform(1 / 8) * height).round())),
        (p, scaling(zoom, zoom)),
        (turned, rotation(numbers.uniform(HALF_TURN))),
        (p, scaling(stretch, 1 / stretch)),
        (turned, rotation(numbers.uniform(HALF_TURN))),
        (p, translation(numbers.normal(1 / 8) * width, numbers.normal(1 / 8) * height)),
    ]
    # A step and its inverse are equally likely, so the product in this order inverts the paper's sequence.
    return reduce(torch.matmul, [numbers.sometimes(*step) for step in steps])


def random_colours(numbers: Numbers, p: Tensor) -> Tensor:
    """Return matrices (n, 4, 4) that map homogeneous colours (R, G, B, 1) to homogeneous colours."""
    steps = [
        (p, brightness(numbers.normal(0.2))),
        (p, contrast(numbers.normal(0.5 * OCTAVE).exp())),
        (p, luma(1 - 2 * numbers.whole(2))),
        (p, hue(numbers.uniform(HALF_TURN))),
        (p, saturation(numbers.normal(OCTAVE).exp())),
    ]
    return reduce(torch.matmul, [numbers.sometimes(*step) for step in reversed(steps)])


def resampled(images: Tensor, geometry: Tensor) -> Tensor:
    """Return images (N, C, H, W) sampled at positions mapped by matrices (N, 3, 3), with reflection padding.

    An identity matrix leaves its image exactly unchanged.
    """
    height, width = images.shape[2:]
    # Filled on the device: a copy of a list from the processor would make it wait.
    half = torch.cat([images.new_full((1,), extent) for extent in (width / 2, height / 2, 1)])
    # From pixels to torch's normalized coordinates, with the edges at -1 and 1.
    shares = geometry.to(images) * half / half[:, None]
    grid = affine_grid(shares[:, :2], list(images.shape), align_corners=False)
    if deterministic.required(images):
        sampled = deterministic.bilinear_samples(images, grid)
    else:
        sampled = grid_sample(images, grid, mode="bilinear", padding_mode="reflection", align_corners=False)
    return torch.where(is_identity(geometry), images, sampled)


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
