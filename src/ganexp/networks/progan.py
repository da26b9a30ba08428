"""Progressively growing networks (arXiv 1710.10196, section 2 and table 2)."""

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import torch
from torch import Tensor, nn

from ganexp.image_size import ImageSize
from ganexp.layers.checks import require_positive
from ganexp.layers.equalized import equalized
from ganexp.layers.minibatch_deviation import MinibatchDeviation
from ganexp.layers.pixel_norm import PixelNorm
from ganexp.layers.resampling.box import averaged, repeated
from ganexp.layers.resolution import SMALLEST, first_map, step_widths

SLOPE = 0.2


class Stage(NamedTuple):
    """How far networks have grown: how often their smallest map is doubled, and how far the last doubling is faded in.

    ``share`` is above 0 and at most 1; None, like 1, stands for a doubling that is there entirely.
    """

    doublings: int
    share: float | Tensor | None = None

    @classmethod
    def at(cls, growth: float) -> "Stage":
        """Return the stage of a growth, such as 2.25 for two doublings and a quarter of the third."""
        whole = math.floor(growth)
        return cls(whole) if growth == whole else cls(whole + 1, growth - whole)

    def faded(self, coarse: Tensor, fine: Tensor) -> Tensor:
        """Return ``fine``, of which the stage has only its share, and of ``coarse`` the rest."""
        if self.share is None:
            return fine
        rest = 1 - self.share
        return fine + (coarse - fine) * (rest.to(fine) if isinstance(rest, Tensor) else rest)


class Growing(nn.Module):
    """A network of growing resolution, whose images have the size of the last one at every stage.

    ``growth`` is the number of doublings so far, a fraction while the next is faded in; the game sets it, so that
    checkpoints have it.
    """

    growth: Tensor

    def __init__(self, steps: int) -> None:
        super().__init__()
        self.steps = steps
        self.fixed: Stage | None = None
        self.register_buffer("growth", torch.zeros(()))

    def stage(self) -> Stage:
        """Return the stage that the network is at."""
        return self.fixed or Stage.at(min(float(self.growth), self.steps))

    def fix(self) -> None:
        """Stay at the present stage, without reading it from memory again, as an exporter needs it."""
        self.fixed = self.stage()


class Generator(Growing):
    """Noise (N, latent) to images (N, channels, H, W), linear and therefore not quite within [-1, 1].

    A map of a side of `smallest` is doubled again and again, each time by a block of two convolutions; the image of an
    earlier stage is enlarged to the whole size. `width` is the number of channels at the image's size, and twice as
    many at half of it, up to `max_width`: 512 in the paper for images of 32 pixels, and 16 for 1,024. Raises ValueError
    for an image size that is not one of `smallest` doubled once or more, and for sizes below 1.
    """

    def __init__(
        self,
        latent: int,
        channels: int,
        image_size: int | Sequence[int],
        width: int = 512,
        max_width: int = 512,
        smallest: Sequence[int] = SMALLEST,
    ) -> None:
        require_positive(latent=latent, channels=channels, width=width, max_width=max_width)
        start, steps = first_map(image_size, smallest)
        super().__init__(steps)
        widths = step_widths(steps + 1, width, max_width)[::-1]
        self.normalize = PixelNorm()
        # Its fan-in counts the kernel's pixels, although each output is a sum over the noise alone: so do the authors.
        first = equalized(nn.ConvTranspose2d(latent, widths[0], start))
        self.blocks = nn.ModuleList([nn.Sequential(*_normalized(first), *_normalized(_conv(widths[0], widths[0])))])
        for inputs, outputs in pairwise(widths):
            layers = [Repeat(), *_normalized(_conv(inputs, outputs)), *_normalized(_conv(outputs, outputs))]
            self.blocks.append(nn.Sequential(*layers))
        self.to_image = nn.ModuleList(equalized(nn.Conv2d(size, channels, 1), gain=1.0) for size in widths)

    def forward(self, noise: Tensor, stage: Stage | None = None) -> Tensor:
        """Return images (N, channels, H, W) from noise (N, latent), at a stage, by default the present one."""
        stage = stage or self.stage()
        maps = coarser = self.normalize(noise)[:, :, None, None]
        for block in self.blocks[: stage.doublings + 1]:
            coarser, maps = maps, block(maps)
        images: Tensor = self.to_image[stage.doublings](maps)
        if stage.share is not None:
            images = stage.faded(repeated(self.to_image[stage.doublings - 1](coarser)), images)
        return repeated(images, 2 ** (self.steps - stage.doublings))


class Discriminator(Growing):
    """Images (N, channels, H, W) to logits (N,): the generator's mirror, of which earlier stages see averaged pixels.

    Before its last convolution it is given the standard deviation over groups of `group` images. Raises ValueError as
    Generator does.
    """

    def __init__(
        self,
        channels: int,
        image_size: int | Sequence[int],
        width: int = 512,
        max_width: int = 512,
        smallest: Sequence[int] = SMALLEST,
        group: int = 4,
    ) -> None:
        require_positive(channels=channels, width=width, max_width=max_width)
        start, steps = first_map(image_size, smallest)
        super().__init__(steps)
        widths = step_widths(steps + 1, width, max_width)[::-1]
        self.from_image = nn.ModuleList(nn.Sequential(*_active(equalized(nn.Conv2d(channels, n, 1)))) for n in widths)
        self.blocks = nn.ModuleList([_head(widths[0], start, min(2 * widths[0], max_width), group)])
        for outputs, inputs in pairwise(widths):
            # The convolution's output is averaged before it is rectified, as in the authors' fused layer.
            layers = [*_active(_conv(inputs, inputs)), _conv(inputs, outputs), Average(), nn.LeakyReLU(SLOPE)]
            self.blocks.append(nn.Sequential(*layers))

    def forward(self, image: Tensor, stage: Stage | None = None) -> Tensor:
        """Return logits (N,) from images (N, channels, H, W), at a stage, by default the present one."""
        stage = stage or self.stage()
        last = stage.doublings
        image = averaged(image, 2 ** (self.steps - last))
        maps: Tensor = self.from_image[last](image)
        for number in range(last, 0, -1):
            maps = self.blocks[number](maps)
            if number == last and stage.share is not None:
                maps = stage.faded(self.from_image[number - 1](averaged(image)), maps)
        output: Tensor = self.blocks[0](maps)
        return output


class Repeat(nn.Module):
    """Maps (N, C, H, W) to maps (N, C, 2H, 2W) with every pixel repeated."""

    def forward(self, maps: Tensor) -> Tensor:
        """Return the maps of twice the size."""
        return repeated(maps)


class Average(nn.Module):
    """Maps (N, C, H, W) to maps (N, C, H / 2, W / 2) of the means over squares of 2x2."""

    def forward(self, maps: Tensor) -> Tensor:
        """Return the maps of half the size."""
        return averaged(maps)


def staged(images: Tensor, stage: Stage, steps: int) -> Tensor:
    """Return real images (N, C, H, W) with the detail of a stage of networks that double ``steps`` times.

    While a doubling is faded in, they are blended with coarser ones as the generator's are (figure 2).
    """
    factor = 2 ** (steps - stage.doublings)
    fine = averaged(images, factor)
    if stage.share is not None:
        fine = stage.faded(repeated(averaged(fine)), fine)
    return repeated(fine, factor)


def _conv(inputs: int, outputs: int) -> nn.Conv2d:
    return equalized(nn.Conv2d(inputs, outputs, 3, padding=1))


def _active(layer: nn.Module) -> list[nn.Module]:
    return [layer, nn.LeakyReLU(SLOPE)]


def _normalized(layer: nn.Module) -> list[nn.Module]:
    return [*_active(layer), PixelNorm()]


def _head(width: int, size: ImageSize, hidden: int, group: int) -> nn.Sequential:
    return nn.Sequential(
        MinibatchDeviation(group),
        *_active(_conv(width + 1, width)),
        nn.Flatten(),
        *_active(equalized(nn.Linear(width * size.pixels, hidden))),
        equalized(nn.Linear(hidden, 1), gain=1.0),
        nn.Flatten(0),
    )
