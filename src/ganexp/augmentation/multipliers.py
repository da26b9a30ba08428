"""Probabilities of the single transformations of adaptive discriminator augmentation, relative to one another."""

from dataclasses import dataclass, fields

from ganexp.errors import UserError


@dataclass(frozen=True)
class Multipliers:
    """Factors on the probability p of every transformation, under the names of StyleGAN2-ADA's code.

    By default these are the paper's pixel blitting, general geometric and colour transformations (arXiv 2006.06676,
    appendix B), without cutout. Raises UserError unless all are in [0, 1].
    """

    xflip: float = 1.0
    rotate90: float = 1.0
    xint: float = 1.0
    scale: float = 1.0
    rotate: float = 1.0
    aniso: float = 1.0
    xfrac: float = 1.0
    brightness: float = 1.0
    contrast: float = 1.0
    lumaflip: float = 1.0
    hue: float = 1.0
    saturation: float = 1.0
    cutout: float = 0.0

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if not 0 <= value <= 1:
                raise UserError(f"augmentation.multipliers.{field.name}={value}: it must be in [0, 1]")
