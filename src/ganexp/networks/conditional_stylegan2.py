"""Class-conditional StyleGAN2, as in NVlabs/stylegan2-ada-pytorch (arXiv 2006.06676): labels in both mappings."""

import math
from collections.abc import Sequence

from torch import Tensor, nn

from ganexp.layers.resolution import first_map, step_widths
from ganexp.layers.style_mapping import LabelMapping, StyleMapping
from ganexp.networks import stylegan2


class Generator(stylegan2.StyledGenerator):
    """Noise (N, latent) and labels (N,) to images (N, channels, H, W), which may leave [-1, 1].

    An embedding of the label is appended to the noise before the mapping; the rest is `stylegan2.Generator`, as are the
    other arguments and errors.
    """

    def __init__(
        self,
        num_classes: int,
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
            StyleMapping(latent, style, mapping_layers, mapping_rate, num_classes),
            stylegan2.Synthesis(channels, image_size, style, width, max_width, architecture),
        )

    def forward(
        self,
        noise: Tensor,
        label: Tensor,
        noise_inputs: Tensor | None = None,
        truncation: float | Tensor | None = None,
    ) -> Tensor:
        """Return images (N, channels, H, W) from noise (N, latent) and labels (N,) in [0, num_classes)."""
        return self.of_styles(self.mapping(noise, label), noise_inputs, truncation)


class Discriminator(nn.Module):
    """Images (N, channels, H, W) and labels (N,) to logits (N,): features of the image times those of the label.

    There are as many of them as the smallest map has channels, and their product is divided by the root of that number.
    The label's come from a mapping of their own, of `mapping_layers` at `mapping_rate`. The other arguments and errors
    are those of `stylegan2.Discriminator`.
    """

    def __init__(
        self,
        num_classes: int,
        channels: int,
        image_size: int | Sequence[int],
        width: int = 64,
        max_width: int = 512,
        architecture: str = "residual",
        group: int = 4,
        mapping_layers: int = 8,
        mapping_rate: float = 0.01,
    ) -> None:
        super().__init__()
        _, steps = first_map(image_size)
        self.size = step_widths(steps + 1, width, max_width)[-1]
        self.network = stylegan2.Discriminator(
            channels, image_size, width, max_width, architecture, group, features=self.size
        )
        self.mapping = LabelMapping(num_classes, self.size, mapping_layers, mapping_rate)

    def forward(self, image: Tensor, label: Tensor) -> Tensor:
        """Return logits (N,) from images (N, channels, H, W) and labels (N,) in [0, num_classes)."""
        logits: Tensor = (self.network(image) * self.mapping(label)).sum(1) / math.sqrt(self.size)
        return logits
