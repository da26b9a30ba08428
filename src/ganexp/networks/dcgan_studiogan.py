"""StudioGAN's DCGAN, with 3x3 convolutions between the resampling ones (arXiv 2206.09479, its code's deep_conv)."""

from collections.abc import Callable, Sequence
from itertools import pairwise

from torch import Tensor, nn

from ganexp.layers.checks import require_positive
from ganexp.layers.initialization import weight_init
from ganexp.layers.normalization import Layer, Normalization, set_batch_norm_epsilon
from ganexp.layers.resolution import first_map


class Generator(nn.Module):
    """Noise (N, latent) to images (N, channels, H, W) in [-1, 1].

    A linear layer to the first map of 4x4 or 7x7, transposed convolutions that double the map and halve its channels
    down to `width`, then a 3x3 convolution and tanh. Weights are orthogonal at first, and `batch_norm_epsilon` is added
    to the variance in batch norms. Raises ValueError unless the shorter side of image_size is 4 or 7
    doubled one or more times and batch_norm_epsilon above 0, and for other sizes below 1.
    """

    def __init__(
        self,
        latent: int,
        channels: int,
        image_size: int | Sequence[int],
        normalization: Normalization,
        width: int = 64,
        batch_norm_epsilon: float = 1e-5,
    ) -> None:
        super().__init__()
        require_positive(latent=latent, channels=channels, width=width)
        start, steps = first_map(image_size)
        init_and_normalize = weight_init(nn.init.orthogonal_, normalization)
        widths = [width * 2**step for step in reversed(range(steps + 1))]
        layers: list[nn.Module] = [
            init_and_normalize(nn.Linear(latent, widths[0] * start.pixels)),
            nn.Unflatten(1, (widths[0], *start)),
        ]
        for inputs, outputs in pairwise(widths):
            doubling = nn.ConvTranspose2d(inputs, outputs, 4, stride=2, padding=1)
            layers += _rectified(doubling, normalization, init_and_normalize)
        layers += [init_and_normalize(nn.Conv2d(widths[-1], channels, 3, padding=1)), nn.Tanh()]
        self.layers = nn.Sequential(*layers)
        set_batch_norm_epsilon(self, batch_norm_epsilon)

    def forward(self, noise: Tensor) -> Tensor:
        """Return images (N, channels, H, W) in [-1, 1] from noise (N, latent)."""
        output: Tensor = self.layers(noise)
        return output


class Discriminator(nn.Module):
    """Images (N, channels, H, W) to logits (N,).

    Pairs of a 3x3 convolution that widens and a 4x4 one that halves the map, from `width` channels on, doubled from
    pair to pair; a 3x3 convolution that doubles them once more; the sum over positions and a linear layer. All
    convolutions are normalized and rectified. Weights are orthogonal at first. Raises ValueError as Generator does.
    """

    def __init__(
        self,
        channels: int,
        image_size: int | Sequence[int],
        normalization: Normalization,
        width: int = 64,
        batch_norm_epsilon: float = 1e-5,
    ) -> None:
        super().__init__()
        require_positive(channels=channels, width=width)
        _, steps = first_map(image_size)
        init_and_normalize = weight_init(nn.init.orthogonal_, normalization)
        widths = [channels, *(width * 2**step for step in range(steps + 1))]
        layers: list[nn.Module] = []
        for inputs, outputs in pairwise(widths[:-1]):
            layers += _rectified(nn.Conv2d(inputs, outputs, 3, padding=1), normalization, init_and_normalize)
            layers += _rectified(nn.Conv2d(outputs, outputs, 4, stride=2, padding=1), normalization, init_and_normalize)
        layers += _rectified(nn.Conv2d(widths[-2], widths[-1], 3, padding=1), normalization, init_and_normalize)
        self.layers = nn.Sequential(*layers)
        set_batch_norm_epsilon(self, batch_norm_epsilon)
        self.logit = init_and_normalize(nn.Linear(widths[-1], 1))

    def forward(self, image: Tensor) -> Tensor:
        """Return logits (N,) from images (N, channels, H, W)."""
        logits: Tensor = self.logit(self.layers(image).sum((2, 3))).squeeze(1)
        return logits


def _rectified(
    layer: nn.Conv2d | nn.ConvTranspose2d,
    normalization: Normalization,
    init_and_normalize: Callable[[Layer], nn.Module],
) -> list[nn.Module]:
    """Return a convolution, its normalization of maps and a ReLU."""
    # Not `normalization.hidden`, which drops the bias: the reference has it, and its number of parameters.
    return [init_and_normalize(layer), normalization.maps(layer.out_channels), nn.ReLU()]
