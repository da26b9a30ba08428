"""Auxiliary classifier discriminator (arXiv 1610.09585, section 4)."""

from collections.abc import Sequence

from torch import Tensor, nn

from ganexp.layers.checks import require_positive
from ganexp.layers.initialization import initialize_norms, initialized
from ganexp.layers.normalization import Normalization
from ganexp.layers.resolution import SMALLEST, first_map, require_norm_fits, step_widths, strided_convolutions


class Discriminator(nn.Module):
    """Images (N, channels, H, W) to logits (N,) of being real and (N, num_classes) of the classes.

    The layers are DCGAN's; those of the paper's appendix are deeper and have dropout. Both heads share the features.
    Raises ValueError as dcgan.Generator does, and for num_classes below 1.
    """

    def __init__(
        self,
        channels: int,
        image_size: int | Sequence[int],
        normalization: Normalization,
        num_classes: int,
        width: int = 128,
        max_width: int = 1024,
        smallest: Sequence[int] = SMALLEST,
    ) -> None:
        super().__init__()
        require_positive(num_classes=num_classes, channels=channels, width=width, max_width=max_width)
        start, steps = first_map(image_size, smallest)
        require_norm_fits(start, normalization)
        widths = step_widths(steps, width, max_width)
        self.features = nn.Sequential(*strided_convolutions(channels, widths, normalization))
        self.source = normalization.edge(initialized(nn.Conv2d(widths[-1], 1, start)))
        self.classes = normalization.edge(initialized(nn.Conv2d(widths[-1], num_classes, start)))
        initialize_norms(self)

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        """Return logits (N,) and (N, num_classes) from images (N, channels, H, W)."""
        features = self.features(image)
        # Reshapes, not flattens: an image of another size must fail here.
        return self.source(features).reshape(image.shape[0]), self.classes(features).reshape(image.shape[0], -1)


class CodeDiscriminator(Discriminator):
    """The same network with a head for InfoGAN's codes (arXiv 1606.03657, appendix C).

    It maps images (N, channels, H, W) to logits (N,) of being real and to (N, categories + continuous): logits of the
    categorical code and means of the continuous ones. Raises ValueError as Discriminator does.
    """

    def __init__(
        self,
        channels: int,
        image_size: int | Sequence[int],
        normalization: Normalization,
        categories: int,
        continuous: int,
        width: int = 128,
        max_width: int = 1024,
        smallest: Sequence[int] = SMALLEST,
    ) -> None:
        require_positive(categories=categories)
        super().__init__(channels, image_size, normalization, categories + continuous, width, max_width, smallest)
