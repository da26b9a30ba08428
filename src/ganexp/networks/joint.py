"""Discriminator of pairs of an image and a latent (BiGAN, arXiv 1605.09782, section 3)."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from ganexp.layers.checks import require_positive
from ganexp.layers.initialization import initialize_norms, initialized
from ganexp.layers.normalization import Normalization
from ganexp.layers.resolution import SMALLEST, first_map, require_norm_fits, step_widths, strided_convolutions


class Discriminator(nn.Module):
    """Images (N, channels, H, W) and latents (N, latent) to logits (N,).

    DCGAN's convolutions reduce the image to `hidden` values, to which the latent is appended; a hidden layer of
    `hidden` units joins the two. `width` is the number of channels after the first layer; it doubles with each
    halving of the map, up to `max_width`. Raises ValueError as DCGAN's discriminator does.
    """

    def __init__(
        self,
        channels: int,
        image_size: int | Sequence[int],
        latent: int,
        normalization: Normalization,
        width: int = 64,
        max_width: int = 512,
        hidden: int = 512,
        smallest: Sequence[int] = SMALLEST,
    ) -> None:
        super().__init__()
        require_positive(channels=channels, latent=latent, width=width, max_width=max_width, hidden=hidden)
        last, steps = first_map(image_size, smallest)
        require_norm_fits(last, normalization)
        widths = step_widths(steps, width, max_width)
        self.layers = nn.Sequential(
            *strided_convolutions(channels, widths, normalization),
            normalization.edge(initialized(nn.Conv2d(widths[-1], hidden, last))),
            nn.LeakyReLU(0.2),
        )
        self.pairs = nn.Sequential(
            normalization.edge(initialized(nn.Linear(hidden + latent, hidden))),
            nn.LeakyReLU(0.2),
            normalization.edge(initialized(nn.Linear(hidden, 1))),
        )
        initialize_norms(self)

    def forward(self, image: Tensor, latent: Tensor) -> Tensor:
        """Return logits (N,) from images (N, channels, H, W) and latents (N, latent)."""
        # A reshape, not a flatten: an image of another size must fail here.
        features = self.layers(image).reshape(image.shape[0], -1)
        output: Tensor = self.pairs(torch.cat([features, latent.to(features.dtype)], 1)).flatten()
        return output
