"""Multilayer perceptrons for small images and toy data (arXiv 1406.2661)."""

from collections.abc import Sequence
from itertools import pairwise

from torch import Tensor, nn

from ganexp.image_size import ImageSize
from ganexp.layers.checks import require_positive
from ganexp.layers.normalization import Normalization


class Generator(nn.Module):
    """Noise (N, latent) to images (N, channels, H, W) in [-1, 1].

    Points in the plane are images with two channels and one pixel. Raises ValueError for sizes below 1.
    """

    def __init__(
        self,
        latent: int,
        channels: int,
        image_size: int | Sequence[int],
        normalization: Normalization,
        widths: Sequence[int] = (256, 512, 1024),
    ) -> None:
        super().__init__()
        require_positive(latent=latent, channels=channels)
        size = ImageSize.of(image_size)
        require_positive(**{f"widths[{index}]": width for index, width in enumerate(widths)})
        layers: list[nn.Module] = []
        sizes = [latent, *widths]
        for inputs, outputs in pairwise(sizes):
            layers += [normalization.hidden(nn.Linear(inputs, outputs)), nn.LeakyReLU(0.2)]
        layers += [normalization.edge(nn.Linear(sizes[-1], channels * size.pixels)), nn.Tanh()]
        self.layers = nn.Sequential(*layers, nn.Unflatten(1, (channels, *size)))

    def forward(self, noise: Tensor) -> Tensor:
        """Return images (N, channels, H, W) in [-1, 1] from noise (N, latent)."""
        output: Tensor = self.layers(noise)
        return output


class Discriminator(nn.Module):
    """Images (N, ...) of channels * height * width + extra values to logits (N,).

    `extra` is the number of values concatenated with the flattened image, such as a label's embedding. Raises
    ValueError for sizes below 1, a negative `extra` or a dropout outside of [0, 1).
    """

    def __init__(
        self,
        channels: int,
        image_size: int | Sequence[int],
        normalization: Normalization,
        widths: Sequence[int] = (512, 256),
        dropout: float = 0.0,
        extra: int = 0,
    ) -> None:
        super().__init__()
        require_positive(channels=channels)
        require_positive(**{f"widths[{index}]": width for index, width in enumerate(widths)})
        if extra < 0:
            raise ValueError(f"extra must not be negative, but is {extra}")
        if not 0 <= dropout < 1:
            raise ValueError(f"dropout must lie in [0, 1), but is {dropout}")
        layers: list[nn.Module] = [nn.Flatten()]
        sizes = [channels * ImageSize.of(image_size).pixels + extra, *widths]
        for depth, (inputs, outputs) in enumerate(pairwise(sizes)):
            normalize = normalization.edge if depth == 0 else normalization.hidden
            layers += [normalize(nn.Linear(inputs, outputs)), nn.LeakyReLU(0.2), nn.Dropout(dropout)]
        layers += [normalization.edge(nn.Linear(sizes[-1], 1)), nn.Flatten(0)]
        self.layers = nn.Sequential(*layers)

    def forward(self, image: Tensor) -> Tensor:
        """Return logits (N,) from images (N, ...), flattened or not."""
        output: Tensor = self.layers(image)
        return output
