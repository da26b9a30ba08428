"""BigGAN's class-conditional residual networks (arXiv 1809.11096, appendix B)."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from ganexp.layers.conditional_normalization import by_vector
from ganexp.layers.normalization import Layer, Normalization
from ganexp.layers.projection import Projection
from ganexp.networks.checks import require_positive
from ganexp.networks.resnet import Downward, Form, Upward, form_of

FORMS = {
    # The form of the authors' PyTorch code for CIFAR-10; the paper gives none.
    32: Form(4, (4, 4, 4, 4), (4, 4, 4, 4), halvings=2, hidden_as_output=True),
    128: Form(4, (16, 16, 8, 4, 2, 1), (1, 2, 4, 8, 16, 16), halvings=5, hidden_as_output=True),  # table 4
}
ATTENTION_STRIDE = {32: None, 128: 2}  # at 64x64 in images of 128x128


class Generator(nn.Module):
    """Noise (N, latent) and labels (N,) to images (N, channels, image_size, image_size) in [-1, 1].

    The noise is cut into one piece for the first map and one for each block, which its norms read beside an embedding
    of the label that all blocks share (figure 15). `width` is the paper's ch. Raises ValueError for an image_size other
    than 32 and 128, for a latent that cannot be cut and for sizes below 1.
    """

    def __init__(
        self,
        latent: int,
        channels: int,
        image_size: int,
        normalization: Normalization,
        num_classes: int,
        width: int = 96,
        embedding: int = 128,
    ) -> None:
        super().__init__()
        require_positive(latent=latent, num_classes=num_classes, embedding=embedding)
        form, prepare = form_of(image_size, FORMS), orthogonal(normalization)
        pieces = len(form.generator)
        if latent % pieces:
            raise ValueError(f"latent={latent}: it must be a multiple of {pieces}, a piece for each map")
        self.piece = latent // pieces

        def norm(width: int) -> nn.Module:
            return by_vector(normalization.maps(width, affine=False), width, embedding + self.piece, prepare)

        self.embedding = nn.Embedding(num_classes, embedding)
        nn.init.orthogonal_(self.embedding.weight)
        self.network = Upward(
            self.piece, channels, form, width, normalization, norm, prepare, ATTENTION_STRIDE[image_size]
        )

    def forward(self, noise: Tensor, label: Tensor) -> Tensor:
        """Return images (N, C, H, W) in [-1, 1] from noise (N, latent) and labels (N,) in [0, num_classes)."""
        first, *others = noise.split(self.piece, dim=1)
        embedded = self.embedding(label)
        return self.network(first, [(torch.cat([embedded, piece], dim=1),) for piece in others])


class Discriminator(nn.Module):
    """Images (N, channels, image_size, image_size) and labels (N,) to logits (N,), by projection.

    `width` is the paper's ch. Raises ValueError for an image_size other than 32 and 128 and for sizes below 1.
    """

    def __init__(
        self,
        channels: int,
        image_size: int,
        normalization: Normalization,
        num_classes: int,
        width: int = 96,
    ) -> None:
        super().__init__()
        require_positive(num_classes=num_classes)
        form, prepare = form_of(image_size, FORMS), orthogonal(normalization)
        self.network = Downward(channels, form, width, normalization, prepare, ATTENTION_STRIDE[image_size])
        self.logit = Projection(self.network.features, num_classes, prepare)

    def forward(self, image: Tensor, label: Tensor) -> Tensor:
        """Return logits (N,) from images (N, C, H, W) and labels (N,) in [0, num_classes)."""
        return self.logit(self.network(image), label)


def orthogonal(normalization: Normalization) -> Callable[[Layer], nn.Module]:
    """Return a function that gives a layer orthogonal weights and no bias, then normalizes its weight."""

    def prepare(layer: Layer) -> nn.Module:
        # Before any normalization, so that spectral norm starts its vectors from these weights.
        nn.init.orthogonal_(layer.weight)
        if layer.bias is not None:
            nn.init.zeros_(layer.bias)
        return normalization.edge(layer)

    return prepare
