"""BigGAN-deep's class-conditional residual networks (arXiv 1809.11096, appendix B, tables 7 to 9)."""

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

from ganexp.image_size import ImageSize
from ganexp.layers.attention import attention_at
from ganexp.layers.checks import require_positive
from ganexp.layers.conditional_normalization import by_vector
from ganexp.layers.initialization import weight_init
from ganexp.layers.label_embedding import LabelEmbedding
from ganexp.layers.normalization import Normalization, set_batch_norm_epsilon
from ganexp.layers.projection import Projection
from ganexp.layers.residual_bottleneck import DownBottleneck, UpBottleneck
from ganexp.layers.resnet_trunks import Architecture, architecture_for
from ganexp.networks.biggan import attended_stride

ARCHITECTURES = {
    # Multiples of the width: in D's tuple the first is that of the image's convolution (ajbrock/BigGAN-PyTorch
    # BigGANdeep.py; the paper's tables are of 128, 256 and 512 pixels).
    32: Architecture(4, (4, 4, 4, 4), (4, 4, 4, 4), halvings=2),
    64: Architecture(4, (16, 16, 8, 4, 2), (1, 2, 4, 8, 16), halvings=4),
    128: Architecture(4, (16, 16, 8, 4, 2, 1), (1, 2, 4, 8, 16, 16), halvings=5),
    256: Architecture(4, (16, 16, 8, 8, 4, 2, 1), (1, 2, 4, 8, 8, 16, 16), halvings=6),
}


class Generator(nn.Module):
    """Noise (N, latent) and labels (N,) to images (N, channels, H, W) in [-1, 1].

    The whole noise and an embedding of the label are the input of the first map and of the norms of every block; two
    bottleneck blocks belong to each resolution, of which the second doubles the map. `width` is the paper's ch.
    `attention_stride` and `batch_norm_epsilon` are those of `biggan.Generator`. Raises ValueError for a shorter side
    other than 32, 64, 128 and 256, for a stride that no map has, unless batch_norm_epsilon is above 0 and for sizes
    below 1.
    """

    def __init__(
        self,
        latent: int,
        channels: int,
        image_size: int | Sequence[int],
        normalization: Normalization,
        num_classes: int,
        width: int = 128,
        embedding: int = 128,
        attention_stride: int | None = None,
        batch_norm_epsilon: float = 1e-5,
    ) -> None:
        super().__init__()
        require_positive(latent=latent, channels=channels, num_classes=num_classes, width=width, embedding=embedding)
        architecture = architecture_for(image_size, ARCHITECTURES)
        init_and_normalize = weight_init(nn.init.orthogonal_, normalization)
        condition = latent + embedding

        def norm(channels: int) -> nn.Module:
            return by_vector(normalization.maps(channels, affine=False), channels, condition, init_and_normalize)

        start, widths = ImageSize.of(architecture.start), [width * multiple for multiple in architecture.generator]
        self.embedding = LabelEmbedding(num_classes, embedding)
        nn.init.orthogonal_(self.embedding.weight)
        self.first = nn.Sequential(
            init_and_normalize(nn.Linear(condition, widths[0] * start.pixels)),
            nn.Unflatten(1, (widths[0], *start)),
        )
        strides = [2**step for step in reversed(range(architecture.doublings))]
        self.blocks = nn.ModuleList(
            UpBottleneck(inputs, outputs, factor, norm, init_and_normalize)
            for before, after in pairwise(widths)
            for inputs, outputs, factor in ((before, before, 1), (before, after, 2))
        )
        attended = attended_stride(image_size, attention_stride)
        attentions = attention_at(attended, strides, widths[1:], init_and_normalize)
        # After the second block of a resolution.
        self.attentions = nn.ModuleList(part for attention in attentions for part in (nn.Identity(), attention))
        self.last = nn.Sequential(
            normalization.maps(widths[-1]),
            nn.ReLU(),
            init_and_normalize(nn.Conv2d(widths[-1], channels, 3, padding=1)),
            nn.Tanh(),
        )
        set_batch_norm_epsilon(self, batch_norm_epsilon)

    def forward(self, noise: Tensor, label: Tensor) -> Tensor:
        """Return images (N, C, H, W) in [-1, 1] from noise (N, latent) and labels (N,) in [0, num_classes)."""
        condition = torch.cat([self.embedding(label), noise], dim=1)
        maps = self.first(condition)
        for block, attention in zip(self.blocks, self.attentions, strict=True):
            maps = attention(block(maps, condition))
        output: Tensor = self.last(maps)
        return output


class Discriminator(nn.Module):
    """Images (N, channels, H, W) and labels (N,) to logits (N,), by projection.

    A 3x3 convolution, then two bottleneck blocks for each resolution, of which the first halves the map and widens it.
    `width` is the paper's ch, `attention_stride` as in Generator; of several maps with that stride the first has
    self-attention. Raises ValueError as Generator does.
    """

    def __init__(
        self,
        channels: int,
        image_size: int | Sequence[int],
        normalization: Normalization,
        num_classes: int,
        width: int = 128,
        attention_stride: int | None = None,
    ) -> None:
        super().__init__()
        require_positive(channels=channels, num_classes=num_classes, width=width)
        architecture = architecture_for(image_size, ARCHITECTURES)
        init_and_normalize = weight_init(nn.init.orthogonal_, normalization)
        widths = [width * multiple for multiple in architecture.discriminator]
        pools = [2 if depth < architecture.halvings else 1 for depth in range(len(widths) - 1)]
        strides = [2 ** min(depth + 1, architecture.halvings) for depth in range(len(widths) - 1)]
        attended = attended_stride(image_size, attention_stride)
        attentions = attention_at(attended, strides, widths[1:], init_and_normalize)
        layers: list[nn.Module] = [init_and_normalize(nn.Conv2d(channels, widths[0], 3, padding=1))]
        for (inputs, outputs), pool, attention in zip(pairwise(widths), pools, attentions, strict=True):
            layers += [
                DownBottleneck(inputs, outputs, pool, normalization.maps, init_and_normalize),
                DownBottleneck(outputs, outputs, 1, normalization.maps, init_and_normalize),
                attention,
            ]
        self.layers = nn.Sequential(*layers, nn.ReLU())
        self.logit = Projection(widths[-1], num_classes, init_and_normalize)

    def forward(self, image: Tensor, label: Tensor) -> Tensor:
        """Return logits (N,) from images (N, C, H, W) and labels (N,) in [0, num_classes)."""
        output: Tensor = self.logit(self.layers(image).sum((2, 3)), label)
        return output
