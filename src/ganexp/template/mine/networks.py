"""Networks: ordinary PyTorch modules, whose arguments are the keys of conf/model/mine.yaml."""

from torch import Tensor, nn


class Generator(nn.Module):
    """Noise (N, latent) to images (N, channels, image_size, image_size) in [-1, 1]."""

    def __init__(self, latent: int, channels: int, image_size: int, width: int = 32) -> None:
        super().__init__()
        side = smallest_side(image_size)
        layers: list[nn.Module] = [nn.Linear(latent, width * side * side), nn.Unflatten(1, (width, side, side))]
        while side < image_size:
            layers += [nn.BatchNorm2d(width), nn.ReLU(), nn.ConvTranspose2d(width, width, 4, stride=2, padding=1)]
            side *= 2
        layers += [nn.BatchNorm2d(width), nn.ReLU(), nn.Conv2d(width, channels, 3, padding=1), nn.Tanh()]
        self.layers = nn.Sequential(*layers)

    def forward(self, noise: Tensor) -> Tensor:
        """Return images from noise (N, latent)."""
        images: Tensor = self.layers(noise)
        return images


class Discriminator(nn.Module):
    """Images (N, channels, image_size, image_size) to logits (N,), which are high for real images."""

    def __init__(self, channels: int, image_size: int, width: int = 32) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        side, inputs = image_size, channels
        while side > smallest_side(image_size):
            layers += [nn.Conv2d(inputs, width, 4, stride=2, padding=1), nn.LeakyReLU(0.2)]
            side, inputs = side // 2, width
        layers += [nn.Flatten(), nn.Linear(inputs * side * side, 1), nn.Flatten(0)]
        self.layers = nn.Sequential(*layers)

    def forward(self, image: Tensor) -> Tensor:
        """Return logits (N,)."""
        logits: Tensor = self.layers(image)
        return logits


def smallest_side(image_size: int) -> int:
    """Return the side from 3 to 5 that doubles to the size of the images, such as 4 of 16 and 3 of 48.

    Raises ValueError if there is none; ganexp reports it in one line.
    """
    for side in (3, 4, 5):
        ratio = image_size / side
        if ratio in (2, 4, 8, 16, 32, 64, 128, 256):
            return side
    raise ValueError(f"image_size={image_size}: it must be 3, 4 or 5, doubled at least once, such as 16, 32 or 48")
