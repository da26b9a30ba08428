"""R3GAN: residual networks of grouped convolutions, without normalization (arXiv 2501.05441, config E)."""

from collections.abc import Callable, Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

from ganexp.image_size import ImageSize
from ganexp.layers.bilinear import Doubling, Halving
from ganexp.layers.checks import require_positive
from ganexp.layers.resolution import first_map
from ganexp.layers.twice_differentiable_convolution import TwiceDifferentiableConv2d

SLOPE = 0.2
GROUP = 16  # channels per group: 1536 in 96 groups
FULL = 4  # number of the smallest maps, 4x4 to 32x32, with the full width
BLOCKS = 2  # residual blocks per size


class Generator(nn.Module):
    """Noise (N, latent) to images (N, channels, H, W), in [-1, 1] with `tanh`.

    At each size there are two residual blocks of `width` channels, half as many with each doubling beyond 32x32.
    `doubling` makes the layers that double the maps. The authors' code has `ZeroPaddedDoubling` and no tanh; without
    `tanh` images may leave [-1, 1]. Raises ValueError unless the shorter side of image_size is 4 or 7
    doubled one or more times, for sizes below 1 and for widths that cannot be grouped.
    """

    def __init__(
        self,
        latent: int,
        channels: int,
        image_size: int | Sequence[int],
        width: int = 768,
        doubling: Callable[[], nn.Module] = Doubling,
        tanh: bool = True,
    ) -> None:
        super().__init__()
        require_positive(latent=latent, channels=channels, width=width)
        start, steps = first_map(image_size)
        widths = _widths(width, steps)
        layers: list[nn.Module] = [Basis(latent, widths[0], start), *_blocks(widths[0], len(widths))]
        for inputs, outputs in pairwise(widths):
            layers += [_mixed(inputs, outputs), doubling(), *_blocks(outputs, len(widths))]
        layers += [_linear(nn.Conv2d(widths[-1], channels, 1, bias=False)), nn.Tanh() if tanh else nn.Identity()]
        self.layers = nn.Sequential(*layers)

    def forward(self, noise: Tensor) -> Tensor:
        """Return images (N, channels, H, W) from noise (N, latent)."""
        output: Tensor = self.layers(noise)
        return output


class Discriminator(nn.Module):
    """Images (N, channels, H, W) to logits (N,): the generator's mirror.

    `convolution` makes every convolution, as `torch.nn.Conv2d` does; R1 and R2 differentiate them twice. `halving`
    makes the layers that halve the maps, in the authors' code `ZeroPaddedHalving`. With `features` it returns features
    (N, features) instead.
    Raises ValueError as Generator does.
    """

    def __init__(
        self,
        channels: int,
        image_size: int | Sequence[int],
        width: int = 768,
        convolution: Callable[..., nn.Conv2d] = TwiceDifferentiableConv2d,
        halving: Callable[[], nn.Module] = Halving,
        features: int | None = None,
    ) -> None:
        super().__init__()
        require_positive(channels=channels, width=width, features=1 if features is None else features)
        start, steps = first_map(image_size)
        widths = _widths(width, steps)[::-1]
        layers: list[nn.Module] = [
            _linear(convolution(channels, widths[0], 1, bias=False)),
            *_blocks(widths[0], len(widths), convolution),
        ]
        for inputs, outputs in pairwise(widths):
            layers += [halving(), _mixed(inputs, outputs, convolution), *_blocks(outputs, len(widths), convolution)]
        layers += [_linear(convolution(widths[-1], widths[-1], start, groups=widths[-1], bias=False)), nn.Flatten()]
        layers += [_linear(nn.Linear(widths[-1], 1 if features is None else features, bias=False))]
        self.layers = nn.Sequential(*layers)
        self.has_features = features is not None

    def forward(self, image: Tensor) -> Tensor:
        """Return logits (N,), or features (N, features), from images (N, channels, H, W)."""
        output: Tensor = self.layers(image)
        return output if self.has_features else output.squeeze(1)


class Block(nn.Module):
    """A residual block (N, C, H, W) of the same shape: 1x1 to twice the channels, grouped 3x3, 1x1 back.

    At initialization it is the identity, and in a network of `depth` blocks the other layers are scaled by
    depth^(-1/4): Fixup initialization for three layers (arXiv 1901.09321).
    """

    def __init__(self, channels: int, depth: int, convolution: Callable[..., nn.Conv2d] = nn.Conv2d) -> None:
        super().__init__()
        inner = 2 * channels
        if inner > GROUP and inner % GROUP:
            raise ValueError(f"width: {channels} channels cannot be grouped; give a multiple of {GROUP // 2}")
        last = convolution(inner, channels, 1, bias=False)
        nn.init.zeros_(last.weight)
        self.residual = nn.Sequential(
            _rectified(convolution(channels, inner, 1), depth),
            nn.LeakyReLU(SLOPE),
            _rectified(convolution(inner, inner, 3, padding=1, groups=max(inner // GROUP, 1)), depth),
            nn.LeakyReLU(SLOPE),
            last,
        )

    def forward(self, maps: Tensor) -> Tensor:
        """Return maps (N, C, H, W) from maps of that shape."""
        output: Tensor = maps + self.residual(maps)
        return output


class Basis(nn.Module):
    """Noise (N, latent) to maps (N, channels, H, W): one learned map per channel, scaled by a linear layer."""

    def __init__(self, latent: int, channels: int, size: ImageSize) -> None:
        super().__init__()
        self.maps = nn.Parameter(torch.randn(channels, *size))
        self.scale = _linear(nn.Linear(latent, channels, bias=False))

    def forward(self, noise: Tensor) -> Tensor:
        """Return maps (N, channels, H, W) from noise (N, latent)."""
        output: Tensor = self.scale(noise)[:, :, None, None] * self.maps
        return output


def _widths(width: int, steps: int) -> list[int]:
    # Smallest map first.
    widths = [width // 2 ** max(0, depth - FULL + 1) for depth in range(steps + 1)]
    require_positive(width=widths[-1])
    return widths


def _blocks(channels: int, sizes: int, convolution: Callable[..., nn.Conv2d] = nn.Conv2d) -> list[nn.Module]:
    return [Block(channels, BLOCKS * sizes, convolution) for _ in range(BLOCKS)]


def _mixed(inputs: int, outputs: int, convolution: Callable[..., nn.Conv2d] = nn.Conv2d) -> nn.Module:
    return nn.Identity() if inputs == outputs else _linear(convolution(inputs, outputs, 1, bias=False))


def _linear(layer: nn.Linear | nn.Conv2d) -> nn.Module:
    nn.init.kaiming_normal_(layer.weight, nonlinearity="linear")
    return layer


def _rectified(layer: nn.Conv2d, depth: int) -> nn.Module:
    nn.init.kaiming_normal_(layer.weight, a=SLOPE)
    with torch.no_grad():
        layer.weight.mul_(depth**-0.25)
    assert layer.bias is not None
    nn.init.zeros_(layer.bias)
    return layer
