"""The deep convolutional GAN (arXiv 1511.06434, section 3 and figure 1)."""

from collections.abc import Sequence
from itertools import pairwise

from torch import Tensor, nn

from ganexp.layers.normalization import Normalization
from ganexp.networks.checks import require_positive
from ganexp.networks.initialization import initialize_norms, initialized

SMALLEST = (4, 7)  # the sides that the smallest map may have: 4 for powers of two, 7 for 28, 56, 112 …


def doublings(image_size: int, smallest: Sequence[int] = SMALLEST) -> tuple[int, int]:
    """Return (start, steps) with image_size = start * 2^steps, start in `smallest` and steps >= 1.

    Raises ValueError for any other size; the message names the nearest sizes that can be built.
    """
    require_positive(image_size=image_size)
    enough = range(1, image_size.bit_length() + 1)
    sizes = {start * 2**steps: (start, steps) for start in smallest for steps in enough}
    if image_size in sizes:
        return sizes[image_size]
    below = sorted(size for size in sizes if size < image_size)
    above = sorted(size for size in sizes if size > image_size)
    near = [*below[-1:], above[0]]
    raise ValueError(
        f"this network doubles a map of {' or '.join(f'{start}x{start}' for start in smallest)} and cannot make "
        f"{image_size}x{image_size}: set data.image_size to {' or '.join(map(str, near))}"
    )


def step_widths(steps: int, width: int, max_width: int) -> list[int]:
    """Return the hidden maps' channels, largest map first: width, doubled at each step up to max_width."""
    return [min(width * 2**step, max_width) for step in range(steps)]


class Generator(nn.Module):
    """Noise (N, latent) to images (N, channels, image_size, image_size) in [-1, 1].

    `width` is the number of channels of the largest hidden map; it doubles with each halving of the map, up to
    `max_width`: 1024, 512, 256, 128 at 64x64. `smallest` are the sides that the first map may have. Raises ValueError
    for an image_size other than one of them doubled once or oftener, and for other sizes below 1.
    """

    def __init__(
        self,
        latent: int,
        channels: int,
        image_size: int,
        normalization: Normalization,
        width: int = 128,
        max_width: int = 1024,
        smallest: Sequence[int] = SMALLEST,
    ) -> None:
        super().__init__()
        require_positive(latent=latent, channels=channels, width=width, max_width=max_width)
        start, steps = doublings(image_size, smallest)
        _require_maps(start, normalization)
        widths = step_widths(steps, width, max_width)[::-1]
        first = nn.ConvTranspose2d(latent, widths[0], start)
        layers: list[nn.Module] = [normalization.hidden(initialized(first)), nn.ReLU()]
        for inputs, outputs in pairwise(widths):
            layers += [normalization.hidden(initialized(_doubling(inputs, outputs))), nn.ReLU()]
        layers += [normalization.edge(initialized(_doubling(widths[-1], channels))), nn.Tanh()]
        self.layers = nn.Sequential(*layers)
        initialize_norms(self)

    def forward(self, noise: Tensor) -> Tensor:
        """Return images (N, channels, image_size, image_size) in [-1, 1] from noise (N, latent)."""
        return self.layers(noise[:, :, None, None])


class Discriminator(nn.Module):
    """Images (N, channels, image_size, image_size) to logits (N,).

    `width` is the number of channels after the first layer; it doubles with each halving of the map, up
    to `max_width`. Raises ValueError as Generator does.
    """

    def __init__(
        self,
        channels: int,
        image_size: int,
        normalization: Normalization,
        width: int = 128,
        max_width: int = 1024,
        smallest: Sequence[int] = SMALLEST,
    ) -> None:
        super().__init__()
        layers, features, start = halvings(channels, image_size, normalization, width, max_width, smallest)
        layers += [normalization.edge(initialized(nn.Conv2d(features, 1, start)))]
        self.layers = nn.Sequential(*layers)
        initialize_norms(self)

    def forward(self, image: Tensor) -> Tensor:
        """Return logits (N,) from images (N, channels, image_size, image_size)."""
        # A reshape, not a flatten: an image of another size must fail here.
        return self.layers(image).reshape(len(image))


def halvings(
    channels: int, image_size: int, normalization: Normalization, width: int, max_width: int, smallest: Sequence[int]
) -> tuple[list[nn.Module], int, int]:
    """Return a discriminator's layers from the image to its smallest map, and that map's channels and side.

    Raises ValueError as Generator does.
    """
    require_positive(channels=channels, width=width, max_width=max_width)
    start, steps = doublings(image_size, smallest)
    _require_maps(start, normalization)
    widths = step_widths(steps, width, max_width)
    layers: list[nn.Module] = [normalization.edge(initialized(_halving(channels, widths[0]))), nn.LeakyReLU(0.2)]
    for inputs, outputs in pairwise(widths):
        layers += [normalization.hidden(initialized(_halving(inputs, outputs))), nn.LeakyReLU(0.2)]
    return layers, widths[-1], start


def _require_maps(start: int, normalization: Normalization) -> None:
    if start == 1 and normalization.within_maps:
        raise ValueError(
            "instance normalization needs a feature map of more than the one pixel that this network starts from: "
            "use `layer` instead, or set smallest to [2, 7] or [4, 7]"
        )


def _doubling(inputs: int, outputs: int) -> nn.ConvTranspose2d:
    return nn.ConvTranspose2d(inputs, outputs, kernel_size=4, stride=2, padding=1)


def _halving(inputs: int, outputs: int) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, kernel_size=4, stride=2, padding=1)
