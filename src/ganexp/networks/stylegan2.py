"""StyleGAN2's generator and discriminator (arXiv 1912.04958), as in NVlabs/stylegan2-ada-pytorch (2006.06676)."""

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple

import torch
from torch import Tensor, nn

from ganexp.image_size import ImageSize
from ganexp.layers.checks import require_positive
from ganexp.layers.equalized import equalized
from ganexp.layers.minibatch_deviation import MinibatchDeviation
from ganexp.layers.modulation import StyledConvolution, ToImage, activated
from ganexp.layers.resampling.fir import DoublingConvolution, Filter, HalvingConvolution
from ganexp.layers.resolution import first_map, step_widths
from ganexp.layers.style_mapping import StyleMapping
from ganexp.numerics.randomness import generator as rng

HALF = math.sqrt(0.5)


class Architecture(NamedTuple):
    """An architecture (arXiv 1912.04958, figure 7): whether blocks have shortcuts, and each size its image."""

    shortcuts: bool
    images: bool


ARCHITECTURES: Mapping[str, Architecture] = {
    "orig": Architecture(shortcuts=False, images=False),
    "skip": Architecture(shortcuts=False, images=True),
    "residual": Architecture(shortcuts=True, images=False),
}


class StyledGenerator(nn.Module):
    """A generator of two halves: ``mapping`` to styles (N, style), and ``synthesis`` of images from them."""

    def __init__(self, mapping: StyleMapping, synthesis: "Synthesis") -> None:
        super().__init__()
        self.mapping = mapping
        self.synthesis = synthesis

    def of_styles(self, styles: Tensor, noise_inputs: Tensor | None, truncation: float | Tensor | None) -> Tensor:
        """Return images (N, channels, H, W) from styles (N, style) that all layers share.

        ``noise_inputs`` (N, `synthesis.pixels`) are added to the maps, by default the constant ones of the network.
        ``truncation`` is the share of the styles' distance from their mean that is left.
        """
        if truncation is not None:
            styles = self.mapping.truncated(styles, truncation)
        images: Tensor = self.synthesis(self.synthesis.of_all_layers(styles), noise_inputs)
        return images


class Generator(StyledGenerator):
    """Noise (N, latent) to images (N, channels, H, W), which may leave [-1, 1].

    The largest map has `width` channels, and each smaller one twice as many, up to `max_width`. `architecture` is that
    of the synthesis network: skip, residual or orig. `mapping_layers` and `mapping_rate` are those of `StyleMapping`.
    Raises ValueError for any other architecture, unless the shorter side of image_size is 4 or 7 doubled one or more
    times, and for sizes below 1.
    """

    def __init__(
        self,
        latent: int,
        channels: int,
        image_size: int | Sequence[int],
        style: int = 512,
        mapping_layers: int = 8,
        mapping_rate: float = 0.01,
        width: int = 64,
        max_width: int = 512,
        architecture: str = "skip",
    ) -> None:
        super().__init__(
            StyleMapping(latent, style, mapping_layers, mapping_rate),
            Synthesis(channels, image_size, style, width, max_width, architecture),
        )

    def forward(
        self, noise: Tensor, noise_inputs: Tensor | None = None, truncation: float | Tensor | None = None
    ) -> Tensor:
        """Return images (N, channels, H, W) from noise (N, latent); further arguments are those of `of_styles`."""
        return self.of_styles(self.mapping(noise), noise_inputs, truncation)


class Synthesis(nn.Module):
    """Styles of each layer (N, layers, style) to images (N, channels, H, W); the arguments are those of `Generator`.

    ``layers`` is the number of styles, and ``pixels`` the number of values of the noise of all layers.
    """

    noise: Tensor

    def __init__(
        self, channels: int, image_size: int | Sequence[int], style: int, width: int, max_width: int, architecture: str
    ) -> None:
        super().__init__()
        require_positive(channels=channels, style=style, width=width, max_width=max_width)
        self.style = style
        chosen = architecture_of(architecture)
        start, steps = first_map(image_size)
        widths = step_widths(steps + 1, width, max_width)[::-1]
        self.first = nn.Parameter(torch.randn(widths[0], *start))
        convolutions = [StyledConvolution(style, widths[0], widths[0])]
        shortcuts: list[nn.Module] = []
        for inputs, outputs in pairwise(widths):
            convolutions += [StyledConvolution(style, inputs, outputs, doubling=True)]
            convolutions += [StyledConvolution(style, outputs, outputs)]
            if chosen.shortcuts:
                shortcut = equalized(nn.Conv2d(inputs, outputs, 1, bias=False), gain=1.0)
                shortcuts.append(DoublingConvolution(shortcut))
        self.convolutions = nn.ModuleList(convolutions)
        self.shortcuts = nn.ModuleList(shortcuts)
        self.to_image = nn.ModuleList(
            ToImage(style, outputs, channels) for outputs in (widths if chosen.images else widths[-1:])
        )
        self.filter = Filter()
        self.layers = len(convolutions) + 1
        sizes = [ImageSize(*(side * 2 ** ((number + 1) // 2) for side in start)) for number in range(len(convolutions))]
        self.noise_sizes = sizes
        self.pixels = sum(size.pixels for size in sizes)
        # A function of the size alone, so that networks that differ in their weights have the same.
        constant = torch.randn(1, self.pixels, generator=rng(0, "constant noise of StyleGAN2"))
        self.register_buffer("noise", constant)

    def of_all_layers(self, styles: Tensor) -> Tensor:
        """Return styles (N, layers, style) from styles (N, style) that all layers share."""
        return styles[:, None].expand(-1, self.layers, -1)

    def forward(self, styles: Tensor, noise_inputs: Tensor | None = None) -> Tensor:
        """Return images (N, channels, H, W) from styles (N, layers, style) and noise (N, pixels)."""
        noise = self._maps_of_noise(self.noise if noise_inputs is None else noise_inputs)
        style = styles.unbind(1)
        maps = self.first.expand(styles.shape[0], -1, -1, -1)
        maps = self.convolutions[0](maps, style[0], noise[0])
        image = None
        for number in range(len(self.convolutions) // 2 + 1):
            if number > 0:
                maps = self._doubled(maps, number, style, noise)
            image = self._with_image(image, maps, number, style)
        assert image is not None
        return image

    def _doubled(self, maps: Tensor, number: int, style: Sequence[Tensor], noise: Sequence[Tensor]) -> Tensor:
        """Return maps of twice the size: two convolutions and, if there is one, a shortcut."""
        first = 2 * number - 1
        convolved: Tensor = self.convolutions[first](maps, style[first], noise[first])
        convolved = self.convolutions[first + 1](convolved, style[first + 1], noise[first + 1])
        return (convolved + self.shortcuts[number - 1](maps)) * HALF if self.shortcuts else convolved

    def _with_image(self, image: Tensor | None, maps: Tensor, number: int, style: Sequence[Tensor]) -> Tensor | None:
        """Return the image of a smaller size doubled, and added to that of the maps, if these have one."""
        # Counted from the largest, as there may be one alone.
        place = number - len(self.convolutions) // 2 + len(self.to_image) - 1
        if place < 0:
            return None
        # The style is also that of the next convolution.
        added: Tensor = self.to_image[place](maps, style[2 * number + 1])
        return added if image is None else self.filter.doubled(image) + added

    def _maps_of_noise(self, noise: Tensor) -> list[Tensor]:
        parts = noise.split([size.pixels for size in self.noise_sizes], dim=1)
        return [part.unflatten(1, (1, *size)) for part, size in zip(parts, self.noise_sizes, strict=True)]


class TruncatedGenerator(nn.Module):
    """A generator whose styles are at a share of their distance from the mean."""

    def __init__(self, generator: nn.Module, share: float) -> None:
        super().__init__()
        self.generator = generator
        self.share = share

    def forward(self, noise: Tensor, *inputs: Tensor) -> Tensor:
        """Return images (N, channels, H, W) from noise (N, latent), and labels and noise inputs if there are any."""
        images: Tensor = self.generator(noise, *inputs, truncation=self.share)
        return images


class Discriminator(nn.Module):
    """Images (N, channels, H, W) to logits (N,), or to features (N, features).

    Widths are those of `Generator`. `architecture` is residual, skip or orig. The standard deviation over groups of
    `group` images is one more map before the last convolution. Raises ValueError as Generator does.
    """

    def __init__(
        self,
        channels: int,
        image_size: int | Sequence[int],
        width: int = 64,
        max_width: int = 512,
        architecture: str = "residual",
        group: int = 4,
        features: int | None = None,
    ) -> None:
        super().__init__()
        require_positive(channels=channels, width=width, max_width=max_width)
        chosen = architecture_of(architecture)
        start, steps = first_map(image_size)
        widths = step_widths(steps + 1, width, max_width)
        self.from_image = nn.ModuleList(
            equalized(nn.Conv2d(channels, outputs, 1), gain=1.0)
            for outputs in (widths if chosen.images else widths[:1])
        )
        self.blocks = nn.ModuleList(
            DiscriminatorBlock(inputs, outputs, chosen.shortcuts) for inputs, outputs in pairwise(widths)
        )
        last = widths[-1]
        self.deviation = MinibatchDeviation(group)
        self.convolution = equalized(nn.Conv2d(last + 1, last, 3, padding=1), gain=1.0)
        self.hidden = equalized(nn.Linear(last * start.pixels, last), gain=1.0)
        self.features = features
        self.logit = equalized(nn.Linear(last, features or 1), gain=1.0)
        self.filter = Filter()

    def forward(self, image: Tensor) -> Tensor:
        """Return logits (N,), or features (N, features), from images (N, channels, H, W)."""
        first, *others = self.from_image
        maps = activated(first(image))
        for number, block in enumerate(self.blocks):
            maps = block(maps)
            if others:
                image = self.filter.halved(image)
                maps = maps + activated(others[number](image))
        maps = activated(self.convolution(self.deviation(maps)))
        logits: Tensor = self.logit(activated(self.hidden(maps.flatten(1))))
        return logits.squeeze(1) if self.features is None else logits


class DiscriminatorBlock(nn.Module):
    """Two 3x3 convolutions, and a shortcut if it has one: maps (N, C, H, W) to maps (N, outputs, H / 2, W / 2)."""

    def __init__(self, inputs: int, outputs: int, shortcut: bool) -> None:
        super().__init__()
        self.first = equalized(nn.Conv2d(inputs, inputs, 3, padding=1), gain=1.0)
        self.second = HalvingConvolution(equalized(nn.Conv2d(inputs, outputs, 3), gain=1.0))
        self.shortcut = (
            HalvingConvolution(equalized(nn.Conv2d(inputs, outputs, 1, bias=False), gain=1.0)) if shortcut else None
        )

    def forward(self, maps: Tensor) -> Tensor:
        """Return maps of half the size."""
        convolved = activated(self.second(activated(self.first(maps))))
        return convolved if self.shortcut is None else (convolved + self.shortcut(maps)) * HALF


def architecture_of(name: str) -> Architecture:
    """Return the architecture of a name; raises ValueError, with the names there are, for any other."""
    if name not in ARCHITECTURES:
        raise ValueError(f"architecture={name}: choose one of {', '.join(ARCHITECTURES)}")
    return ARCHITECTURES[name]
