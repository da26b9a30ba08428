"""Resolutions and widths of feature maps in networks that double or halve them step by step."""

from collections.abc import Sequence

from torch import nn

from ganexp.layers.checks import require_positive
from ganexp.layers.initialization import initialized
from ganexp.layers.normalization import Layer, Normalization

SMALLEST = (4, 7)  # sides allowed for the smallest map: 4 for powers of two, 7 for 28, 56, 112 …


def doublings(image_size: int, smallest: Sequence[int] = SMALLEST) -> tuple[int, int]:
    """Return (start, steps) with image_size = start * 2^steps, start in `smallest` and steps >= 1.

    Raises ValueError for any other size; the message names the nearest sizes that can be built.
    """
    require_positive(image_size=image_size)
    possible_steps = range(1, image_size.bit_length() + 1)
    sizes = {start * 2**steps: (start, steps) for start in smallest for steps in possible_steps}
    if image_size in sizes:
        return sizes[image_size]
    below = sorted(size for size in sizes if size < image_size)
    above = sorted(size for size in sizes if size > image_size)
    nearest = [*below[-1:], above[0]]
    raise ValueError(
        f"this network doubles a map of {' or '.join(f'{start}x{start}' for start in smallest)} and cannot make "
        f"{image_size}x{image_size}: set data.image_size to {' or '.join(map(str, nearest))}"
    )


def step_widths(steps: int, width: int, max_width: int) -> list[int]:
    """Return the hidden maps' channels, largest map first: width, doubled at each step up to max_width."""
    return [min(width * 2**step, max_width) for step in range(steps)]


def require_norm_fits(start: int, normalization: Normalization) -> None:
    """Raise ValueError where a normalization within maps would see a smallest map of a single pixel."""
    if start == 1 and normalization.within_maps:
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
