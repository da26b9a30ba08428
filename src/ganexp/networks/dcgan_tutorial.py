"""Tanh networks for 28x28 digits, of the well-known Keras DCGAN tutorial."""

from collections.abc import Sequence
from functools import partial

from torch import Tensor, nn

from ganexp.image_size import ImageSize
from ganexp.layers.checks import require_positive
from ganexp.layers.initialization import initialized
from ganexp.layers.normalization import Normalization, set_batch_norm_epsilon

SIZE = 28
# Keras' default initialization, suited to tanh.
glorot = partial(initialized, init_=nn.init.xavier_uniform_)


class Generator(nn.Module):
    """Noise (N, latent) to images (N, channels, 28, 28) in [-1, 1].

    `width` is the number of channels of the largest hidden map, 64 in the tutorial; the smaller map has twice as many,
    and the first layer 16 times. As in the tutorial, only the layer of 128 * 7 * 7 values counts as hidden for the
    normalization. `batch_norm_epsilon` is added to the variance in batch norms: torch's 1e-5, or Keras' 1e-3. Raises
    ValueError for any other image_size, for sizes below 1 and unless batch_norm_epsilon is above 0.
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
        _require_size(image_size)
        edge, hidden = normalization.edge, normalization.hidden
        self.layers = nn.Sequential(
            edge(glorot(nn.Linear(latent, 16 * width))),
            nn.Tanh(),
            hidden(glorot(nn.Linear(16 * width, 2 * width * 7 * 7))),
            nn.Tanh(),
            nn.Unflatten(1, (2 * width, 7, 7)),
            nn.Upsample(scale_factor=2),
            edge(glorot(nn.Conv2d(2 * width, width, 5, padding=2))),
            nn.Tanh(),
            nn.Upsample(scale_factor=2),
            edge(glorot(nn.Conv2d(width, channels, 5, padding=2))),
            nn.Tanh(),
        )
        set_batch_norm_epsilon(self, batch_norm_epsilon)

    def forward(self, noise: Tensor) -> Tensor:
        """Return images (N, channels, 28, 28) in [-1, 1] from noise (N, latent)."""
        output: Tensor = self.layers(noise)
        return output


class Discriminator(nn.Module):
    """Images (N, channels, 28, 28) to logits (N,).

    `width` is the number of channels after the first layer, 64 in the tutorial. The tutorial normalizes nothing here; a
    normalization of activations, if given, applies to the second convolution. `second_padding` is that convolution's:
    0 in the tutorial (5x5 maps at the end), or 2 (7x7). Raises ValueError for any other image_size, for sizes below 1
    and for a padding outside 0 to 2.
    """

    def __init__(
        self,
        channels: int,
        image_size: int | Sequence[int],
        normalization: Normalization,
        width: int = 64,
        second_padding: int = 2,
    ) -> None:
        super().__init__()
        require_positive(channels=channels, width=width)
        _require_size(image_size)
        if second_padding not in (0, 1, 2):
            raise ValueError(f"second_padding must be 0, 1 or 2, not {second_padding}")
        edge, hidden = normalization.edge, normalization.hidden
        side = (14 - 4 + 2 * second_padding) // 2
        self.layers = nn.Sequential(
            edge(glorot(nn.Conv2d(channels, width, 5, padding=2))),
            nn.Tanh(),
            nn.MaxPool2d(2),
            hidden(glorot(nn.Conv2d(width, 2 * width, 5, padding=second_padding))),
            nn.Tanh(),
            nn.MaxPool2d(2),
            nn.Flatten(),
            edge(glorot(nn.Linear(2 * width * side**2, 16 * width))),
            nn.Tanh(),
            edge(glorot(nn.Linear(16 * width, 1))),
            nn.Flatten(0),
        )

    def forward(self, image: Tensor) -> Tensor:
        """Return logits (N,) from images (N, channels, 28, 28)."""
        output: Tensor = self.layers(image)
        return output


def _require_size(image_size: int | Sequence[int]) -> None:
    size = ImageSize.of(image_size)
    if size != (SIZE, SIZE):
        raise ValueError(f"the tutorial has one size: set data.image_size to {SIZE}, not {size.argument}")
