"""The 28x28 tanh network of the well-known Keras DCGAN tutorial for handwritten digits."""

from torch import Tensor, nn

from ganexp.layers.normalization import Normalization
from ganexp.networks.checks import require_positive

SIZE = 28


class Generator(nn.Module):
    """Noise (N, latent) to images (N, channels, 28, 28) in [-1, 1].

    Only the layer of 128 * 7 * 7 values is a hidden layer to the normalization, as in the tutorial.
    Raises ValueError for any other image_size and for sizes below 1.
    """

    def __init__(self, latent: int, channels: int, image_size: int, normalization: Normalization) -> None:
        super().__init__()
        require_positive(latent=latent, channels=channels)
        _require_size(image_size)
        edge, hidden = normalization.edge, normalization.hidden
        self.layers = nn.Sequential(
            edge(_initialized(nn.Linear(latent, 1024))),
            nn.Tanh(),
            hidden(_initialized(nn.Linear(1024, 128 * 7 * 7))),
            nn.Tanh(),
            nn.Unflatten(1, (128, 7, 7)),
            nn.Upsample(scale_factor=2),
            edge(_initialized(nn.Conv2d(128, 64, 5, padding=2))),
            nn.Tanh(),
            nn.Upsample(scale_factor=2),
            edge(_initialized(nn.Conv2d(64, channels, 5, padding=2))),
            nn.Tanh(),
        )

    def forward(self, noise: Tensor) -> Tensor:
        """Return images (N, channels, 28, 28) in [-1, 1] from noise (N, latent)."""
        return self.layers(noise)


class Discriminator(nn.Module):
    """Images (N, channels, 28, 28) to logits (N,).

    The tutorial normalizes nothing here. A normalization of activations, if one is given, applies to the
    second convolution. Raises ValueError for any other image_size and for channels below 1.
    """

    def __init__(self, channels: int, image_size: int, normalization: Normalization) -> None:
        super().__init__()
        require_positive(channels=channels)
        _require_size(image_size)
        edge, hidden = normalization.edge, normalization.hidden
        self.layers = nn.Sequential(
            edge(_initialized(nn.Conv2d(channels, 64, 5, padding=2))),
            nn.Tanh(),
            nn.MaxPool2d(2),
            hidden(_initialized(nn.Conv2d(64, 128, 5, padding=2))),
            nn.Tanh(),
            nn.MaxPool2d(2),
            nn.Flatten(),
            edge(_initialized(nn.Linear(128 * 7 * 7, 1024))),
            nn.Tanh(),
            edge(_initialized(nn.Linear(1024, 1))),
            nn.Flatten(0),
        )

    def forward(self, image: Tensor) -> Tensor:
        """Return logits (N,) from images (N, channels, 28, 28)."""
        return self.layers(image)


def _require_size(image_size: int) -> None:
    if image_size != SIZE:
        raise ValueError(f"the tutorial has one size: set data.image_size to {SIZE}, not {image_size}")


def _initialized(layer: nn.Linear | nn.Conv2d) -> nn.Module:
    # Keras' default, and the one made for tanh: Glorot's uniform weights, no bias.
    nn.init.xavier_uniform_(layer.weight)
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
    return layer
