"""Convolutional encoders from images to latents, DCGAN's generator in reverse (arXiv 1511.06434)."""

from collections.abc import Sequence

from torch import Tensor, nn

from ganexp.layers.checks import require_positive
from ganexp.layers.initialization import initialize_norms, initialized
from ganexp.layers.normalization import Normalization
from ganexp.layers.resolution import SMALLEST, first_map, require_norm_fits, step_widths, strided_convolutions


class Encoder(nn.Module):
    """Images (N, channels, H, W) to latents (N, latent), unbounded.

    `width` is the number of channels after the first layer; it doubles with each halving of the map, up to `max_width`.
    `smallest` lists the sides that the last map may have. Raises ValueError for sizes below 1, and for images that
    cannot be halved to such a map.
    """

    values_per_latent = 1

    def __init__(
        self,
        channels: int,
        image_size: int | Sequence[int],
        latent: int,
        normalization: Normalization,
        width: int = 64,
        max_width: int = 512,
        smallest: Sequence[int] = SMALLEST,
    ) -> None:
        super().__init__()
        require_positive(channels=channels, latent=latent, width=width, max_width=max_width)
        self.latent = latent
        last, steps = first_map(image_size, smallest)
        require_norm_fits(last, normalization)
        widths = step_widths(steps, width, max_width)
        values = latent * self.values_per_latent
        self.layers = nn.Sequential(
            *strided_convolutions(channels, widths, normalization),
            normalization.edge(initialized(nn.Conv2d(widths[-1], values, last))),
        )
        initialize_norms(self)

    def forward(self, image: Tensor) -> Tensor:
        """Return the latents (N, latent) of images (N, channels, H, W)."""
        return self.values(image)

    def values(self, image: Tensor) -> Tensor:
        """Return the last layer's values (N, latent * values_per_latent)."""
        # A reshape, not a flatten: an image of another size must fail here.
        output: Tensor = self.layers(image).reshape(image.shape[0], self.latent * self.values_per_latent)
        return output

    def encode(self, image: Tensor) -> Tensor:
        """Return the latents (N, latent) that stand for images (N, channels, H, W)."""
        return self.values(image)[:, : self.latent]


class GaussianEncoder(Encoder):
    """Images (N, channels, H, W) to a normal distribution of latents with independent components.

    Its mean stands for an image where one latent is needed (arXiv 1312.6114, appendix C.2).
    """

    values_per_latent = 2

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:  # type: ignore[override]
        """Return the means and the logarithms of the variances, both (N, latent), of images (N, channels, H, W)."""
        mean, log_variance = self.values(image).chunk(2, 1)
        return mean, log_variance
