"""Class-conditional networks by label embedding, composed with any unconditional network (arXiv 1411.1784)."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from ganexp.image_size import ImageSize
from ganexp.layers.checks import require_positive
from ganexp.layers.label_embedding import LabelEmbedding


class LabelledNoise(nn.Module):
    """A generator whose noise is concatenated with the label's embedding (arXiv 1411.1784, figure 1).

    `network(latent=...)` builds the generator, here for latent + embedding values. The embedding has
    num_classes values by default. Raises ValueError for sizes below 1.
    """

    def __init__(
        self,
        network: Callable[..., nn.Module],
        latent: int,
        num_classes: int,
        embedding: int | None = None,
    ) -> None:
        super().__init__()
        self.embedding = _embedding(num_classes, embedding)
        require_positive(latent=latent)
        self.network = network(latent=latent + self.embedding.embedding_dim)

    def forward(self, noise: Tensor, label: Tensor) -> Tensor:
        """Return images (N, C, H, W) from noise (N, latent) and labels (N,) in [0, num_classes)."""
        output: Tensor = self.network(torch.cat([noise, self.embedding(label)], dim=1))
        return output


class LabelledVector(nn.Module):
    """A perceptron whose flattened image is concatenated with the label's embedding (arXiv 1411.1784, figure 1).

    `network(extra=...)` builds the perceptron, with `extra` inputs besides the image's values. Raises
    ValueError for sizes below 1.
    """

    def __init__(
        self,
        network: Callable[..., nn.Module],
        num_classes: int,
        embedding: int | None = None,
    ) -> None:
        super().__init__()
        self.embedding = _embedding(num_classes, embedding)
        self.network = network(extra=self.embedding.embedding_dim)

    def forward(self, image: Tensor, label: Tensor) -> Tensor:
        """Return logits (N,) from images (N, C, H, W) and labels (N,) in [0, num_classes)."""
        output: Tensor = self.network(torch.cat([image.flatten(1), self.embedding(label)], dim=1))
        return output


class LabelledPlane(nn.Module):
    """A convolutional discriminator with the label's embedding as an additional channel of the image.

    `network(channels=...)` builds the discriminator, here for channels + 1. Raises ValueError for sizes
    below 1.
    """

    def __init__(
        self,
        network: Callable[..., nn.Module],
        channels: int,
        image_size: int | Sequence[int],
        num_classes: int,
    ) -> None:
        super().__init__()
        require_positive(channels=channels)
        self.embedding = _embedding(num_classes, ImageSize.of(image_size).pixels)
        self.network = network(channels=channels + 1)

    def forward(self, image: Tensor, label: Tensor) -> Tensor:
        """Return logits (N,) from images (N, C, H, W) and labels (N,) in [0, num_classes)."""
        plane = self.embedding(label).view(-1, 1, *image.shape[2:])
        output: Tensor = self.network(torch.cat([image, plane], dim=1))
        return output


def _embedding(num_classes: int, embedding: int | None) -> LabelEmbedding:
    size = num_classes if embedding is None else embedding
    require_positive(num_classes=num_classes, embedding=size)
    return LabelEmbedding(num_classes, size)
