"""PatchGAN discriminator (arXiv 1611.07004, section 3.2.2 and appendix 6.1.2)."""

from collections.abc import Callable, Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

from ganexp.image_size import ImageSize
from ganexp.layers.antialiasing import Downsampling
from ganexp.layers.checks import require_positive
from ganexp.layers.initialization import dcgan_normal_, initialize_norms, initialized
from ganexp.layers.normalization import Normalization, with_affine
from ganexp.networks.patch_geometry import SAME, geometry_for, padding_of, receptive_field

MAX_WIDENING = 8
MODULES_OF_A_LAYER = 3
"""Padding, convolution and activation; the last layer has no activation."""


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
        geometry = geometry_for(layers, padding, antialias, image_size, normalization)
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
