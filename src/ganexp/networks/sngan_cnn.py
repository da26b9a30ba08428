"""Convolutional networks of the spectral normalization paper (arXiv 1802.05957, table 3)."""

from collections.abc import Callable, Sequence
from itertools import pairwise

from torch import Tensor, nn

from ganexp.layers.checks import require_positive
from ganexp.layers.initialization import dcgan_normal_, initialized
from ganexp.layers.normalization import Normalization
from ganexp.layers.resolution import doubling, first_map, step_widths

SMALLEST = (4, 6, 7)  # the sides of the smallest map: the paper's 4 and 6, and 7 for images of 28x28


class Generator(nn.Module):
    """Noise (N, latent) to images (N, channels, H, W) in [-1, 1] (arXiv 1802.05957, table 3a).

    A linear layer, then the map is doubled by transposed convolutions: 512, 256, 128 and 64 channels with the paper's
    `width` of 64 at 32x32 and, from a map of 6x6, at 48x48. Larger images have more steps, with `max_width` at most.
    With `normalize_first` the linear layer is followed by its normalization and ReLU, as in the authors' code
    (pfnet-research/chainer-gan-lib common/net.py), but not in table 3a. Raises ValueError unless the shorter side of
    image_size is 4, 6 or 7 doubled one or more times, and for sizes below 1.
    """

    def __init__(
        self,
        latent: int,
        channels: int,
        image_size: int | Sequence[int],
        normalization: Normalization,
        width: int = 64,
        max_width: int = 512,
        normalize_first: bool = False,
    ) -> None:
        super().__init__()
        require_positive(latent=latent, channels=channels, width=width, max_width=max_width)
        start, steps = first_map(image_size, SMALLEST)
        widths = step_widths(steps + 1, width, max_width)[::-1]
        first = initialized(nn.Linear(latent, widths[0] * start.pixels))
        layers: list[nn.Module] = (
            [normalization.hidden(first), nn.ReLU()] if normalize_first else [normalization.edge(first)]
        )
        layers.append(nn.Unflatten(1, (widths[0], *start)))
        for inputs, outputs in pairwise(widths):
            layers += [normalization.hidden(doubling(inputs, outputs)), nn.ReLU()]
        layers += [normalization.edge(initialized(nn.Conv2d(widths[-1], channels, 3, padding=1))), nn.Tanh()]
        self.layers = nn.Sequential(*layers)

    def forward(self, noise: Tensor) -> Tensor:
        """Return images (N, channels, H, W) in [-1, 1] from noise (N, latent)."""
        output: Tensor = self.layers(noise)
        return output


class Discriminator(nn.Module):
    """Images (N, channels, H, W) to logits (N,) (arXiv 1802.05957, table 3b).

    At each size a 3x3 convolution, then one of 4x4 that halves the map and doubles the channels, as in the authors'
    code: 64, 128, 128, 256, 256, 512 and 512 with the paper's `width` of 64 at 32x32. `slope` is LeakyReLU's, 0.1 in
    table 3b and 0.2 in that code. `init_` draws the weights in place, N(0, 0.02^2) in that code. Raises ValueError as
    Generator does.
    """

    def __init__(
        self,
        channels: int,
        image_size: int | Sequence[int],
        normalization: Normalization,
        width: int = 64,
        max_width: int = 512,
        slope: float = 0.1,
        init_: Callable[[Tensor], Tensor] = dcgan_normal_,
    ) -> None:
        super().__init__()
        require_positive(channels=channels, width=width, max_width=max_width)
        start, steps = first_map(image_size, SMALLEST)
        widths = step_widths(steps + 1, width, max_width)
        layers: list[nn.Module] = [
            normalization.edge(initialized(nn.Conv2d(channels, widths[0], 3, padding=1), init_)),
            nn.LeakyReLU(slope),
        ]
        for inputs, outputs in pairwise(widths):
            for convolution in (nn.Conv2d(inputs, outputs, 4, 2, 1), nn.Conv2d(outputs, outputs, 3, padding=1)):
                layers += [normalization.hidden(initialized(convolution, init_)), nn.LeakyReLU(slope)]
        logit = initialized(nn.Linear(widths[-1] * start.pixels, 1), init_)
        layers += [nn.Flatten(), normalization.edge(logit), nn.Flatten(0)]
        self.layers = nn.Sequential(*layers)

    def forward(self, image: Tensor) -> Tensor:
        """Return logits (N,) from images (N, channels, H, W)."""
        output: Tensor = self.layers(image)
        return output
