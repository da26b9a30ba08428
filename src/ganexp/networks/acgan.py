"""A discriminator with a second head that names the class (arXiv 1610.09585, section 4)."""

from collections.abc import Sequence

from torch import Tensor, nn

from ganexp.layers.normalization import Normalization
from ganexp.networks.checks import require_positive
from ganexp.networks.dcgan import SMALLEST, halvings
from ganexp.networks.initialization import initialize_norms, initialized


class Discriminator(nn.Module):
    """Images (N, channels, image_size, image_size) to logits (N,) of being real and (N, num_classes) of the classes.

    The layers are DCGAN's, where the paper's appendix has others, deeper and with dropout; its two heads read the same
    features. Raises ValueError as dcgan.Generator does, and for num_classes below 1.
    """

    def __init__(
        self,
        channels: int,
        image_size: int,
        normalization: Normalization,
        num_classes: int,
        width: int = 128,
        max_width: int = 1024,
        smallest: Sequence[int] = SMALLEST,
    ) -> None:
        super().__init__()
        require_positive(num_classes=num_classes)
        layers, features, start = halvings(channels, image_size, normalization, width, max_width, smallest)
        self.features = nn.Sequential(*layers)
        self.source = normalization.edge(initialized(nn.Conv2d(features, 1, start)))
        self.classes = normalization.edge(initialized(nn.Conv2d(features, num_classes, start)))
        initialize_norms(self)

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        """Return logits (N,) and (N, num_classes) from images (N, channels, image_size, image_size)."""
        features = self.features(image)
        # Reshapes, not flattens: an image of another size must fail here.
        return self.source(features).reshape(len(image)), self.classes(features).reshape(len(image), -1)
