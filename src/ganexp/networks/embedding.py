"""Discriminator with embeddings of images and of classes (arXiv 2006.12681, section 3.3; 2111.01118)."""

from collections.abc import Sequence

from torch import Tensor, nn
from torch.nn.functional import one_hot

from ganexp.layers.checks import require_positive
from ganexp.layers.initialization import weight_init
from ganexp.layers.normalization import Normalization
from ganexp.networks.biggan import discriminator_trunk


class Discriminator(nn.Module):
    """Images (N, channels, H, W) to logits (N,) and embeddings (N, embedding), by linear heads of BigGAN's trunk.

    `proxies` maps labels to embeddings of classes. Neither is normalized to unit length, which the losses do. The other
    arguments and the errors raised are those of `biggan.Discriminator`.
    """

    def __init__(
        self,
        channels: int,
        image_size: int | Sequence[int],
        normalization: Normalization,
        num_classes: int,
        width: int = 96,
        attention_stride: int | None = None,
        rectified_shortcut: bool = False,
        embedding: int = 512,
    ) -> None:
        super().__init__()
        require_positive(num_classes=num_classes, embedding=embedding)
        init_and_normalize = weight_init(nn.init.orthogonal_, normalization)
        self.network = discriminator_trunk(
            channels, image_size, width, normalization, init_and_normalize, attention_stride, rectified_shortcut
        )
        self.num_classes = num_classes
        self.logit = init_and_normalize(nn.Linear(self.network.features, 1))
        self.embedding = init_and_normalize(nn.Linear(self.network.features, embedding))
        self.proxy = init_and_normalize(nn.Linear(num_classes, embedding, bias=False))

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        """Return logits (N,) and embeddings (N, embedding) from images (N, C, H, W)."""
        features = self.network(image)
        return self.logit(features).squeeze(1), self.embedding(features)

    def proxies(self, label: Tensor) -> Tensor:
        """Return the embeddings (N, embedding) of labels (N,) in [0, num_classes)."""
        proxies: Tensor = self.proxy(one_hot(label, self.num_classes).to(next(self.logit.parameters()).dtype))
        return proxies
