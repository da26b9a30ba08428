"""Deep convolutional GAN (arXiv 1511.06434, section 3 and figure 1)."""

from collections.abc import Sequence
from itertools import pairwise

from torch import Tensor, nn

from ganexp.layers.checks import require_positive
from ganexp.layers.initialization import initialize_norms, initialized
from ganexp.layers.normalization import Normalization
from ganexp.layers.resolution import (
    SMALLEST,
    doubling,
    first_map,
    require_norm_fits,
    step_widths,
    strided_convolutions,
)


class Generator(nn.Module):
    """Noise (N, latent) to images (N, channels, H, W) in [-1, 1].

    `width` is the number of channels of the largest hidden map; it doubles with each halving of the map, up to
    `max_width`: 1024, 512, 256, 128 at 64x64. `smallest` lists the sides that the first map may have. Raises
    ValueError unless the shorter side of image_size is one of these doubled one or more times and the longer can be
    halved as often, and for other sizes below 1.
    """

    def __init__(
        self,
        latent: int,
        channels: int,
        image_size: int | Sequence[int],
        normalization: Normalization,
        width: int = 128,
        max_width: int = 1024,
        smallest: Sequence[int] = SMALLEST,
    ) -> None:
        super().__init__()
        require_positive(latent=latent, channels=channels, width=width, max_width=max_width)
        start, steps = first_map(image_size, smallest)
        require_norm_fits(start, normalization)
        widths = step_widths(steps, width, max_width)[::-1]
        first = nn.ConvTranspose2d(latent, widths[0], start)
        layers: list[nn.Module] = [normalization.hidden(initialized(first)), nn.ReLU()]
        for inputs, outputs in pairwise(widths):
            layers += [normalization.hidden(doubling(inputs, outputs)), nn.ReLU()]
        layers += [normalization.edge(doubling(widths[-1], channels)), nn.Tanh()]
        self.layers = nn.Sequential(*layers)
        initialize_norms(self)

    def forward(self, noise: Tensor) -> Tensor:
        """Return images (N, channels, H, W) in [-1, 1] from noise (N, latent)."""
        output: Tensor = self.layers(noise[:, :, None, None])
        return output


class Discriminator(nn.Module):
    """Images (N, channels, H, W) to logits (N,).

    `width` is the number of channels after the first layer; it doubles with each halving of the map, up
    to `max_width`. Raises ValueError as Generator does.
    """

    def __init__(
        self,
        channels: int,
        image_size: int | Sequence[int],
        normalization: Normalization,
        width: int = 128,
        max_width: int = 1024,
        smallest: Sequence[int] = SMALLEST,
    ) -> None:
        super().__init__()
        require_positive(channels=channels, width=width, max_width=max_width)
        start, steps = first_map(image_size, smallest)
        require_norm_fits(start, normalization)
        widths = step_widths(steps, width, max_width)
        self.layers = nn.Sequential(
            *strided_convolutions(channels, widths, normalization),
            normalization.edge(initialized(nn.Conv2d(widths[-1], 1, start))),
        )
        initialize_norms(self)

    def forward(self, image: Tensor) -> Tensor:
        """Return logits (N,) from images (N, channels, H, W)."""
        # A reshape, not a flatten: an image of another size must fail here.
        output: Tensor = self.layers(image).reshape(image.shape[0])
        return output
