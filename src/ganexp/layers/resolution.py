"""Resolutions and widths of feature maps in networks that double or halve them step by step."""

from collections.abc import Iterable, Sequence
from itertools import pairwise

from torch import nn

from ganexp.image_size import ImageSize
from ganexp.layers.checks import require_positive
from ganexp.layers.initialization import initialized
from ganexp.layers.normalization import Layer, Normalization

SMALLEST = (4, 7)  # sides allowed for the smallest map: 4 for powers of two, 7 for 28, 56, 112 …


def doublings(image_size: int, smallest: Sequence[int] = SMALLEST) -> tuple[int, int]:
    """Return (start, steps) with image_size = start * 2^steps, start in `smallest` and steps >= 1.

    Raises ValueError for any other size; the message names the nearest sizes that can be built.
    """
    require_positive(image_size=image_size)
    sizes = _doubled(smallest, image_size)
    if image_size in sizes:
        return sizes[image_size]
    raise ValueError(
        f"this network doubles a map of {' or '.join(f'{start}x{start}' for start in smallest)} and cannot make "
        f"{image_size}x{image_size}: set data.image_size to {' or '.join(map(str, _nearest(sizes, image_size)))}"
    )


def first_map(image_size: int | Sequence[int], smallest: Sequence[int] = SMALLEST) -> tuple[ImageSize, int]:
    """Return (start, steps) with image_size = start * 2^steps, the shorter side of start in `smallest`, steps >= 1.

    `image_size` is a square's side or (height, width): images of 64x128 begin with a map of 4x8. Raises ValueError for
    any other size; the message names the nearest sizes that can be built.
    """
    size = ImageSize.of(image_size)
    if size.is_square:
        side, steps = doublings(size.height, smallest)
        return ImageSize(side, side), steps
    shorter = min(size)
    sizes = _doubled(smallest, shorter)
    if shorter in sizes:
        steps = sizes[shorter][1]
        if all(side % 2**steps == 0 for side in size):
            return ImageSize(*(side // 2**steps for side in size)), steps
    nearest = [rectangle_near(size, side, 2 ** sizes[side][1]) for side in _nearest(sizes, shorter)]
    raise ValueError(
        f"this network doubles a map whose shorter side is {' or '.join(map(str, smallest))} and cannot make "
        f"{size.text} (height x width): set data.image_size to {' or '.join(near.argument for near in nearest)}"
    )


def rectangle_near(size: ImageSize, shorter: int, multiple: int) -> ImageSize:
    """Return the rectangle nearest to a size whose shorter side is given and whose longer is a multiple of a number."""
    longer = max(shorter, round(max(size) / multiple) * multiple)
    return ImageSize(shorter, longer) if size.height < size.width else ImageSize(longer, shorter)


def _doubled(smallest: Sequence[int], side: int) -> dict[int, tuple[int, int]]:
    """Return the sides that some sides can be doubled to, up to one beyond `side`, with their starts and steps."""
    return {start * 2**steps: (start, steps) for start in smallest for steps in range(1, side.bit_length() + 1)}


def _nearest(sizes: Iterable[int], side: int) -> list[int]:
    """Return the largest size below a side and the smallest that is not below it, where there are such."""
    below, others = [size for size in sizes if size < side], [size for size in sizes if size >= side]
    return [*sorted(below)[-1:], *sorted(others)[:1]]


def step_widths(steps: int, width: int, max_width: int) -> list[int]:
    """Return the hidden maps' channels, largest map first: width, doubled at each step up to max_width."""
    return [min(width * 2**step, max_width) for step in range(steps)]


def require_norm_fits(start: ImageSize, normalization: Normalization) -> None:
    """Raise ValueError where a normalization within maps would see a smallest map of a single pixel."""
    if start.pixels == 1 and normalization.within_maps:
        raise ValueError(
            "instance normalization needs feature maps of more than the one pixel that this network starts from: "
            "use `layer` instead, or set smallest to [2, 7] or [4, 7]"
        )


def doubling(inputs: int, outputs: int) -> Layer:
    """Return a 4x4 transposed convolution with stride 2, from maps (N, inputs, H, W) to (N, outputs, 2H, 2W)."""
    return initialized(nn.ConvTranspose2d(inputs, outputs, kernel_size=4, stride=2, padding=1))


def halving(inputs: int, outputs: int) -> Layer:
    """Return a 4x4 convolution with stride 2, from maps (N, inputs, H, W) to (N, outputs, H / 2, W / 2)."""
    return initialized(nn.Conv2d(inputs, outputs, kernel_size=4, stride=2, padding=1))


def strided_convolutions(channels: int, widths: Sequence[int], normalization: Normalization) -> list[nn.Module]:
    """Return DCGAN's convolutions from images (N, channels, H, W), each to half the size and followed by LeakyReLU.

    Their outputs have ``widths`` channels. The first is an edge layer, as it sees the image (arXiv 1511.06434).
    """
    layers: list[nn.Module] = [normalization.edge(halving(channels, widths[0])), nn.LeakyReLU(0.2)]
    for inputs, outputs in pairwise(widths):
        layers += [normalization.hidden(halving(inputs, outputs)), nn.LeakyReLU(0.2)]
    return layers
