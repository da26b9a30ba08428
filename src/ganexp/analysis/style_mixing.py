"""Mixing of styles: which of an image's properties which layers draw (arXiv 1812.04948, section 3.1 and figure 3)."""

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

from ganexp.analysis.style_space import NO_STYLES, StyleSpace, in_style_space
from ganexp.analysis.subject import Figures, Subject, needs_images, require_at_least
from ganexp.drawing.pictures import grid, save
from ganexp.numerics.randomness import BLOCK

RANGES = ("coarse", "middle", "fine")
"""Thirds of the layers, those of the smallest maps first."""


def thirds(layers: int) -> list[list[int]]:
    """Return the numbers of the layers in three parts of equal length, up to one layer, the first the longest."""
    return [part.tolist() for part in torch.arange(layers).tensor_split(len(RANGES))]


def swapped(styles: Tensor, others: Tensor, layers: Sequence[int]) -> Tensor:
    """Return styles (R, K, L, style): those of each of styles (R, L, style), in some layers of others (K, L, style)."""
    mixed = styles[:, None].repeat(1, len(others), 1, 1)
    mixed[:, :, list(layers)] = others[:, list(layers)]
    return mixed


@torch.no_grad()
def images_of(space: StyleSpace, styles: Tensor) -> Tensor:
    """Return images (N, C, H, W) in [-1, 1], on the processor, of styles of each layer (N, L, style)."""
    return torch.cat([space.synthesis(part).float().cpu() for part in styles.split(BLOCK)]).clamp(-1, 1)


def with_sources(columns: Tensor, rows: Tensor, mixed: Tensor) -> Tensor:
    """Return a table of images ((R + 1) · (K + 1), C, H, W): sources above and at the left, mixed (R, K, …) within."""
    corner = torch.full_like(columns[:1], -1)
    lines = [torch.cat([row[None], of_row]) for row, of_row in zip(rows, mixed, strict=True)]
    return torch.cat([corner, columns, *lines])


class StyleMixing:
    """Grids of ``rows`` samples which have in a third of the layers the styles of ``columns`` others.

    There is a picture for each of the coarse, middle and fine layers, and the root mean square change of the images.
    Raises UserError for numbers below 1.
    """

    def __init__(self, rows: int = 5, columns: int = 6) -> None:
        require_at_least(1, rows=rows, columns=columns)
        self.rows = rows
        self.columns = columns

    def reason_against(self, subject: Subject) -> str | None:
        """Return why it does not apply: the generator has no styles, or draws points."""
        return needs_images(subject) if isinstance(subject.styles, StyleSpace) else NO_STYLES

    def __call__(self, subject: Subject, out: Path) -> Figures:
        """Write coarse.png, middle.png and fine.png; return the change of images by range, in [0, 2]."""
        space = subject.styles
        assert isinstance(space, StyleSpace)
        shared = in_style_space(subject).latents(self.rows + self.columns)[:, None].to(subject.device)
        styles = shared.expand(-1, space.layers, -1)
        images = images_of(space, styles)
        rows, columns = images.split([self.rows, self.columns])
        figures: Figures = {}
        for name, layers in zip(RANGES, thirds(space.layers), strict=True):
            mixed = swapped(styles[: self.rows], styles[self.rows :], layers)
            drawn = images_of(space, mixed.flatten(0, 1)).unflatten(0, mixed.shape[:2])
            save(grid(with_sources(columns, rows, drawn), self.columns + 1), out / f"{name}.png")
            figures[f"{name}_layers"] = layers
            figures[f"change_by_{name}"] = float((drawn - rows[:, None]).square().mean().sqrt())
        return figures
