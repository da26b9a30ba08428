"""PatchGAN discriminator (arXiv 1611.07004, section 3.2.2 and appendix 6.1.2)."""

from collections.abc import Iterable
from itertools import pairwise

import torch
from torch import Tensor, nn

from ganexp.layers.checks import require_positive
from ganexp.layers.initialization import initialize_norms, initialized
from ganexp.layers.normalization import Normalization

Shape = tuple[int, int]
"""Kernel size and stride of a convolution."""
MAX_WIDENING = 8


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


class Discriminator(nn.Module):
    """Images (N, channels, H, W) to logits (N, 1, H / 2^layers, W / 2^layers), rounded down: one for each patch.

    A patch is a square of `receptive_field` pixels, 1, 16, 34, 70, 142 or 286 for 0 to 5 `layers`; it is padded
    with zeros beyond the image. `width` is the number of channels after the first layer and doubles with each further
    layer, up to eightfold. Raises ValueError for layers below 0, for images too small to be halved that many times
    (once more for instance normalization), and for sizes below 1.
    """

    def __init__(
        self, channels: int, image_size: int, normalization: Normalization, width: int = 64, layers: int = 3
    ) -> None:
        super().__init__()
        require_positive(channels=channels, image_size=image_size, width=width)
        _require_room(layers, image_size, normalization)
        path = convolutions(layers)
        self.receptive_field = receptive_field(path)
        widths = [width * min(2**depth, MAX_WIDENING) for depth in range(len(path) - 1)]
        sizes = list(pairwise([channels, *widths, 1]))
        modules: list[nn.Module] = []
        for depth, (size, (kernel, stride)) in enumerate(zip(sizes, path, strict=True)):
            padding = (kernel - stride) // 2
            # An even kernel that keeps the size needs one more row and column of padding after than before.
            extra_padding = kernel - stride - 2 * padding
            convolution = initialized(nn.Conv2d(*size, kernel, stride, padding=padding))
            at_edge = depth in (0, len(path) - 1)
            modules += [
                nn.ZeroPad2d((0, extra_padding, 0, extra_padding)) if extra_padding else nn.Identity(),
                normalization.edge(convolution) if at_edge else normalization.hidden(convolution),
                nn.LeakyReLU(0.2),
            ]
        self.layers = nn.Sequential(*modules[:-1])
        initialize_norms(self)

    def forward(self, images: Tensor) -> Tensor:
        """Return the patches' logits (N, 1, h, w) of images (N, channels, H, W)."""
        output: Tensor = self.layers(images)
        return output


class PairDiscriminator(nn.Module):
    """The conditional Discriminator of pix2pix: images concatenated with their inputs, both (N, channels, H, W)."""

    def __init__(
        self, channels: int, image_size: int, normalization: Normalization, width: int = 64, layers: int = 3
    ) -> None:
        super().__init__()
        require_positive(channels=channels)
        self.network = Discriminator(2 * channels, image_size, normalization, width, layers)
        self.receptive_field = self.network.receptive_field

    def forward(self, images: Tensor, inputs: Tensor) -> Tensor:
        """Return the patches' logits (N, 1, h, w) of images given their inputs, both (N, channels, H, W)."""
        output: Tensor = self.network(torch.cat([inputs, images], 1))
        return output


def _require_room(layers: int, image_size: int, normalization: Normalization) -> None:
    if not isinstance(layers, int) or layers < 0:
        raise ValueError(f"layers={layers}: a whole number is expected, 0 for patches of a single pixel")
    smallest = 2 ** (layers + normalization.within_maps)
    if image_size < smallest:
        most = (image_size // (1 + normalization.within_maps)).bit_length() - 1
        raise ValueError(
            f"layers={layers}: a patch discriminator with {layers} layers needs images of {smallest}x{smallest} "
            f"or more{' with instance normalization' if normalization.within_maps else ''}; "
            f"for {image_size}x{image_size} set model.discriminator.layers to at most {most}"
        )
