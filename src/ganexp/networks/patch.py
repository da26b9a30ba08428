"""PatchGAN discriminator (arXiv 1611.07004, section 3.2.2 and appendix 6.1.2)."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn

from ganexp.image_size import ImageSize
from ganexp.layers.antialiasing import Downsampling
from ganexp.layers.checks import require_positive
from ganexp.layers.initialization import dcgan_normal_, initialize_norms, initialized
from ganexp.layers.normalization import Normalization, with_affine

Shape = tuple[int, int]
"""Kernel size and stride of a convolution."""
MAX_WIDENING = 8
SAME, SYMMETRIC = "same", "symmetric"
PADDINGS = (SAME, SYMMETRIC)
BLUR: Shape = (3, 2)
MODULES_OF_A_LAYER = 3
"""Padding, convolution and activation; the last layer has no activation."""


def convolutions(layers: int) -> list[Shape]:
    """Return the discriminator's convolutions: ``layers`` that halve the map, then two that keep its size.

    With no layer that halves it all are 1x1: the paper's PixelGAN.
    """
    return [(4, 2)] * layers + [(4, 1)] * 2 if layers else [(1, 1)] * 3


def receptive_field(path: Iterable[Shape]) -> int:
    """Return the side, in pixels, of the input square that one output position of these convolutions depends on."""
    side = 1
    for kernel, stride in reversed(list(path)):
        side = (side - 1) * stride + kernel
    return side


@dataclass(frozen=True)
class Geometry:
    """The convolutions of a patch discriminator, and how they pad and downsample.

    With ``antialias`` the layers that halve the map are convolutions of stride 1 followed by `Downsampling`.
    """

    layers: int
    padding: str
    antialias: bool

    def steps(self) -> Iterator[tuple[int, int, bool]]:
        """Yield kernel size, stride and whether a downsampling follows, for each convolution."""
        for kernel, stride in convolutions(self.layers):
            downsampled = self.antialias and stride > 1
            yield kernel, 1 if downsampled else stride, downsampled

    def path(self) -> list[Shape]:
        """Return kernel size and stride of all filters, those of the downsamplings included."""
        return [
            shape
            for kernel, stride, downsampled in self.steps()
            for shape in [(kernel, stride), *([BLUR] if downsampled else [])]
        ]

    def extra_padding(self, kernel: int, stride: int, downsampled: bool) -> int:
        """Return the number of rows and columns of zeros after a map, beyond those on all of its sides."""
        # An even kernel that keeps the size needs one more row and column of padding after than before.
        return (kernel - stride) % 2 if self.padding == SAME and not downsampled else 0

    def sides(self, side: int) -> list[int]:
        """Return the side of each convolution's output for a square image, 0 where there is none."""
        sides = []
        for kernel, stride, downsampled in self.steps():
            padded = side + 2 * padding_of(kernel, stride) + self.extra_padding(kernel, stride, downsampled)
            side = max(0, (padded - kernel) // stride + 1)
            sides.append(side)
            # A map of a single pixel cannot be mirrored.
            side = (side + 1) // 2 if downsampled and side > 1 else 0 if downsampled else side
        return sides

    def fits(self, side: int, within_maps: bool) -> bool:
        """Return whether a square image leaves a logit, and normalized maps of more than a pixel if ``within_maps``."""
        sides = self.sides(side)
        return sides[-1] > 0 and (not within_maps or min(sides[1:-1]) > 1)


def padding_of(kernel: int, stride: int) -> int:
    """Return the number of rows and columns of zeros on each side of a map."""
    return min(1, kernel - 1) if stride == 1 else (kernel - stride) // 2


class Discriminator(nn.Module):
    """Images (N, channels, H, W) to logits (N, 1, h, w), one for each patch.

    A patch is a square of `receptive_field` pixels, 1, 16, 34, 70, 142 or 286 for 0 to 5 `layers`; it is padded
    with zeros beyond the image. `width` is the number of channels after the first layer and doubles with each further
    layer, up to eightfold.

    With `padding` "same" h is H / 2^layers, rounded down, and w alike. With "symmetric" all 4x4 convolutions pad one
    row and column on each side, and both are smaller by 2: 30x30 for 256x256 and 3 layers, as in the authors' code
    (phillipi/pix2pix, models.lua). None is "symmetric" where weights are not normalized and the image is large
    enough, else "same". `antialias` replaces strides by `Downsampling` (taesungp/contrastive-unpaired-translation,
    models/networks.py): patches are of 84 pixels then for 3 layers. Instance normalization has gains and biases unless
    `affine` is false. `init_` draws the weights of convolutions in place.

    Raises ValueError for layers below 0, for an unknown padding, for images too small to be halved that many times
    (larger ones for instance normalization), and for sizes below 1.
    """

    def __init__(
        self,
        channels: int,
        image_size: int | Sequence[int],
        normalization: Normalization,
        width: int = 64,
        layers: int = 3,
        padding: str | None = SAME,
        antialias: bool = False,
        affine: bool = True,
        init_: Callable[[Tensor], Tensor] = dcgan_normal_,
    ) -> None:
        super().__init__()
        require_positive(channels=channels, width=width)
        normalization = with_affine(normalization, affine)
        geometry = _geometry(layers, padding, antialias, image_size, normalization)
        self.receptive_field = receptive_field(geometry.path())
        self.image_size = ImageSize.of(image_size)
        steps = list(geometry.steps())
        widths = [width * min(2**depth, MAX_WIDENING) for depth in range(len(steps) - 1)]
        sizes = list(pairwise([channels, *widths, 1]))
        modules: list[nn.Module] = []
        for depth, (size, (kernel, stride, downsampled)) in enumerate(zip(sizes, steps, strict=True)):
            padded, extra_padding = padding_of(kernel, stride), geometry.extra_padding(kernel, stride, downsampled)
            convolution = initialized(nn.Conv2d(*size, kernel, stride, padding=padded), init_)
            at_edge = depth in (0, len(steps) - 1)
            modules += [
                nn.ZeroPad2d((0, extra_padding, 0, extra_padding)) if extra_padding else nn.Identity(),
                normalization.edge(convolution) if at_edge else normalization.hidden(convolution),
                nn.Sequential(nn.LeakyReLU(0.2), Downsampling()) if downsampled else nn.LeakyReLU(0.2),
            ]
        self.layers = nn.Sequential(*modules[:-1])
        initialize_norms(self)

    def forward(self, images: Tensor) -> Tensor:
        """Return the patches' logits (N, 1, h, w) of images (N, channels, H, W)."""
        output: Tensor = self.layers(images)
        return output

    def features(self, images: Tensor) -> list[Tensor]:
        """Return the maps (N, C, h, w) after each activation, the largest first."""
        maps, activated = images, []
        for number, layer in enumerate(self.layers, 1):
            maps = layer(maps)
            if number % MODULES_OF_A_LAYER == 0:
                activated.append(maps)
        return activated


class PairDiscriminator(nn.Module):
    """The conditional Discriminator of pix2pix: images (N, channels, H, W) concatenated with their inputs.

    Inputs have ``input_channels``, None being channels. The other arguments are those of `Discriminator`.
    """

    def __init__(
        self,
        channels: int,
        image_size: int | Sequence[int],
        normalization: Normalization,
        width: int = 64,
        layers: int = 3,
        padding: str | None = SAME,
        antialias: bool = False,
        affine: bool = True,
        init_: Callable[[Tensor], Tensor] = dcgan_normal_,
        input_channels: int | None = None,
    ) -> None:
        super().__init__()
        require_positive(channels=channels)
        self.network = Discriminator(
            (input_channels or channels) + channels,
            image_size,
            normalization,
            width,
            layers,
            padding,
            antialias,
            affine,
            init_,
        )
        self.receptive_field, self.image_size = self.network.receptive_field, self.network.image_size

    def forward(self, images: Tensor, inputs: Tensor) -> Tensor:
        """Return the patches' logits (N, 1, h, w) of images given their inputs, (N, C, H, W) each."""
        output: Tensor = self.network(torch.cat([inputs, images], 1))
        return output

    def features(self, images: Tensor, inputs: Tensor) -> list[Tensor]:
        """Return the maps (N, C, h, w) after each activation, the largest first, of images given their inputs."""
        return self.network.features(torch.cat([inputs, images], 1))


def _geometry(
    layers: int, padding: str | None, antialias: bool, image_size: int | Sequence[int], normalization: Normalization
) -> Geometry:
    if not isinstance(layers, int) or layers < 0:
        raise ValueError(f"layers={layers}: a whole number is expected, 0 for patches of a single pixel")
    if padding is not None and padding not in PADDINGS:
        raise ValueError(f"padding={padding}: choose one of {', '.join(PADDINGS)}, or null")
    size, within_maps = ImageSize.of(image_size), normalization.within_maps
    symmetric = Geometry(layers, SYMMETRIC, antialias)
    if padding is None:
        # The SN-PatchGAN, whose weights are normalized, has one logit for each 2^layers x 2^layers pixels.
        fitting = normalization.weight is None and symmetric.fits(min(size), within_maps)
        padding = SYMMETRIC if fitting else SAME
    geometry = Geometry(layers, padding, antialias)
    if not geometry.fits(min(size), within_maps):
        raise ValueError(_too_small(geometry, size, within_maps))
    return geometry


def _too_small(geometry: Geometry, size: ImageSize, within_maps: bool) -> str:
    smallest = _smallest(geometry, within_maps)
    possible = (Geometry(layers, geometry.padding, geometry.antialias) for layers in range(geometry.layers, -1, -1))
    most = next((smaller.layers for smaller in possible if smaller.fits(min(size), within_maps)), 0)
    return (
        f"layers={geometry.layers}: a patch discriminator with {geometry.layers} layers needs images of "
        f"{smallest}x{smallest} or more{' with instance normalization' if within_maps else ''}; "
        f"for {size.text} set model.discriminator.layers to at most {most}"
    )


def _smallest(geometry: Geometry, within_maps: bool) -> int:
    above = 1
    while not geometry.fits(above, within_maps):
        above *= 2
    below = above // 2
    while above - below > 1:
        middle = (above + below) // 2
        above, below = (middle, below) if geometry.fits(middle, within_maps) else (above, middle)
    return above
