"""Geometry of patch discriminators: their convolutions, padding, receptive field and smallest images."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from ganexp.image_size import ImageSize
from ganexp.layers.normalization import Normalization

Shape = tuple[int, int]
"""Kernel size and stride of a convolution."""
SAME, SYMMETRIC = "same", "symmetric"
PADDINGS = (SAME, SYMMETRIC)
BLUR: Shape = (3, 2)


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


def geometry_for(
    layers: int, padding: str | None, antialias: bool, image_size: int | Sequence[int], normalization: Normalization
) -> Geometry:
    """Return the geometry of a discriminator of images of a size; arguments and errors are those of `Discriminator`."""
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
