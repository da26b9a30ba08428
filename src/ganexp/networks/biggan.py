"""BigGAN's class-conditional residual networks (arXiv 1809.11096, appendix B; at 32x32 also 2206.09479)."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import torch
from torch import Tensor, nn

from ganexp.image_size import ImageSize
from ganexp.layers.checks import require_positive
from ganexp.layers.conditional_normalization import by_vector
from ganexp.layers.initialization import weight_init
from ganexp.layers.label_embedding import LabelEmbedding
from ganexp.layers.normalization import Layer, Normalization, set_batch_norm_epsilon
from ganexp.layers.projection import Projection
from ganexp.layers.resnet_trunks import Architecture, ResNetDiscriminatorTrunk, ResNetGeneratorTrunk, architecture_for

ARCHITECTURES = {
    # From the authors' PyTorch code for CIFAR-10; the paper gives none.
    32: Architecture(4, (4, 4, 4, 4), (4, 4, 4, 4), halvings=2, hidden_as_output=True),
    128: Architecture(4, (16, 16, 8, 4, 2, 1), (1, 2, 4, 8, 16, 16), halvings=5, hidden_as_output=True),  # table 4
}
ATTENDED = 64
"""The side of the map with self-attention, in larger images."""


class Generator(nn.Module):
    """Noise (N, latent) and labels (N,) to images (N, channels, H, W) in [-1, 1].

    The noise is split into one chunk for the first map and one for each block, whose norms take it concatenated with an
    embedding of the label that all blocks share (figure 15). `width` is the paper's ch. `attention_stride`, the image's
    side divided by the map's, puts self-attention on another map than the paper's, which is that of 64x64 for images of
    128. `batch_norm_epsilon` is added to the variance in batch norms. Raises ValueError for a shorter side other
    than 32 and 128, for a latent that cannot be split, unless batch_norm_epsilon is above 0 and for sizes below 1.
    """

    def __init__(
        self,
        latent: int,
        channels: int,
        image_size: int | Sequence[int],
        normalization: Normalization,
        num_classes: int,
        width: int = 96,
        embedding: int = 128,
        attention_stride: int | None = None,
        batch_norm_epsilon: float = 1e-5,
    ) -> None:
        super().__init__()
        require_positive(latent=latent, num_classes=num_classes, embedding=embedding)
        architecture = architecture_for(image_size, ARCHITECTURES)
        init_and_normalize = weight_init(nn.init.orthogonal_, normalization)
        chunks = len(architecture.generator)
        if latent % chunks:
            raise ValueError(f"latent={latent}: it must be a multiple of {chunks}, one chunk for each map")
        self.chunk = latent // chunks

        def norm(channels: int) -> nn.Module:
            unconditional = normalization.maps(channels, affine=False)
            return by_vector(unconditional, channels, embedding + self.chunk, init_and_normalize)

        self.embedding = LabelEmbedding(num_classes, embedding)
        nn.init.orthogonal_(self.embedding.weight)
        self.network = ResNetGeneratorTrunk(
            self.chunk,
            channels,
            architecture,
            width,
            normalization,
            norm,
            init_and_normalize,
            attended_stride(image_size, attention_stride),
        )
        set_batch_norm_epsilon(self, batch_norm_epsilon)

    def forward(self, noise: Tensor, label: Tensor) -> Tensor:
        """Return images (N, C, H, W) in [-1, 1] from noise (N, latent) and labels (N,) in [0, num_classes)."""
        first, *others = noise.split(self.chunk, dim=1)
        embedded = self.embedding(label)
        output: Tensor = self.network(first, [(torch.cat([embedded, chunk], dim=1),) for chunk in others])
        return output


class Discriminator(nn.Module):
    """Images (N, channels, H, W) and labels (N,) to logits (N,), by projection.

    `width` is the paper's ch, `attention_stride` as in Generator. `rectified_shortcut` lets the blocks' shortcuts begin
    with a ReLU, as the code of arXiv 2206.09479 does. Raises ValueError for a shorter side other than 32 and 128 and
    for sizes below 1.
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
    ) -> None:
        super().__init__()
        require_positive(num_classes=num_classes)
        init_and_normalize = weight_init(nn.init.orthogonal_, normalization)
        self.network = discriminator_trunk(
            channels, image_size, width, normalization, init_and_normalize, attention_stride, rectified_shortcut
        )
        self.logit = Projection(self.network.features, num_classes, init_and_normalize)

    def forward(self, image: Tensor, label: Tensor) -> Tensor:
        """Return logits (N,) from images (N, C, H, W) and labels (N,) in [0, num_classes)."""
        output: Tensor = self.logit(self.network(image), label)
        return output


def discriminator_trunk(
    channels: int,
    image_size: int | Sequence[int],
    width: int,
    normalization: Normalization,
    init_and_normalize: Callable[[Layer], nn.Module],
    attention_stride: int | None,
    rectified_shortcut: bool,
) -> ResNetDiscriminatorTrunk:
    """Return the discriminator's layers up to its features; arguments and errors are those of `Discriminator`."""
    architecture = replace(architecture_for(image_size, ARCHITECTURES), rectified_shortcut=rectified_shortcut)
    stride = attended_stride(image_size, attention_stride)
    return ResNetDiscriminatorTrunk(channels, architecture, width, normalization, init_and_normalize, stride)


def attended_stride(image_size: int | Sequence[int], chosen: int | None) -> int | None:
    """Return the image's side divided by that of the map with self-attention; None: no map has it.

    It is the one that was chosen, else the paper's.
    """
    side = min(ImageSize.of(image_size))
    return chosen or (side // ATTENDED if side > ATTENDED else None)
