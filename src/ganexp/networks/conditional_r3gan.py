"""Class-conditional R3GAN: embeddings of the label beside the noise and on the discriminator's features."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from ganexp.layers.checks import require_positive
from ganexp.layers.label_embedding import LabelEmbedding


class Generator(nn.Module):
    """Noise (N, latent) and labels (N,) to images (N, C, H, W): the label's embedding is appended to the noise.

    `network(latent=…)` makes the unconditional generator, here of latent + embedding values. The authors' code for
    arXiv 2501.05441 has as many values for the label as for the noise. Raises ValueError for sizes below 1.
    """

    def __init__(self, network: Callable[..., nn.Module], latent: int, num_classes: int, embedding: int = 64) -> None:
        super().__init__()
        require_positive(latent=latent, num_classes=num_classes, embedding=embedding)
        self.embedding = LabelEmbedding(num_classes, embedding)
        nn.init.normal_(self.embedding.weight, 0, num_classes**-0.5)
        self.network = network(latent=latent + embedding)

    def forward(self, noise: Tensor, label: Tensor) -> Tensor:
        """Return images (N, C, H, W) from noise (N, latent) and labels (N,) in [0, num_classes)."""
        output: Tensor = self.network(torch.cat([noise, self.embedding(label)], dim=1))
        return output


class Discriminator(nn.Module):
    """Images (N, C, H, W) and labels (N,) to logits (N,): the product of the image's features and the label's.

    `network(features=…)` makes the network from images to features (N, embedding). There is no logit without a label
    beside it, as in a projection discriminator. The embedding's width is that of the authors' code for
    arXiv 2501.05441. Raises ValueError for sizes below 1.
    """

    def __init__(self, network: Callable[..., nn.Module], num_classes: int, embedding: int = 768) -> None:
        super().__init__()
        require_positive(num_classes=num_classes, embedding=embedding)
        self.embedding = LabelEmbedding(num_classes, embedding)
        nn.init.normal_(self.embedding.weight, 0, (num_classes * embedding) ** -0.5)
        self.network = network(features=embedding)

    def forward(self, image: Tensor, label: Tensor) -> Tensor:
        """Return logits (N,) from images (N, C, H, W) and labels (N,) in [0, num_classes)."""
        output: Tensor = (self.network(image) * self.embedding(label)).sum(1)
        return output
