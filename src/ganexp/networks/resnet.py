"""Residual networks, unconditional and class-conditional (arXiv 1802.05957, appendix B.4; 1802.05637)."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from torch import Tensor, nn

from ganexp.layers.checks import require_positive
from ganexp.layers.conditional_normalization import by_label
from ganexp.layers.initialization import weight_init
from ganexp.layers.normalization import Normalization
from ganexp.layers.projection import Projection
from ganexp.layers.resnet_trunks import Architecture, ResNetDiscriminatorTrunk, ResNetGeneratorTrunk, architecture_for

ARCHITECTURES = {
    32: Architecture(4, (4, 4, 4, 4), (2, 2, 2, 2), halvings=2),  # arXiv 1802.05957, table 4
    # For arXiv 1802.05957, table 5, in which D's last width was not checked: it is 16 in kwotsin/mimicry sngan_48.py.
    48: Architecture(6, (8, 4, 2, 1), (1, 2, 4, 8, 8), halvings=4),
    64: Architecture(4, (16, 8, 4, 2, 1), (1, 2, 4, 8, 16), halvings=5),  # the authors' code for arXiv 1802.05637
    128: Architecture(4, (16, 16, 8, 4, 2, 1), (1, 2, 4, 8, 16, 16), halvings=5),  # arXiv 1802.05957, table 6
}


class Generator(nn.Module):
    """Noise (N, latent) to images (N, channels, H, W) in [-1, 1] (arXiv 1802.05957, tables 4-6).

    With `num_classes` it is class-conditional: the blocks' norms take their gains and biases from the label (arXiv
    1802.05637, appendix). With the paper's `width` of 64 there are 256 channels at 32x32 and 1024 to 64 at 64x64 and
    128x128; WGAN-GP has half of that at 32x32 (arXiv 1704.00028). `attention_stride`, if given, puts self-attention on
    the map whose side is the image's divided by it. `residual_gain` is the gain of the residual 3x3 convolutions'
    Glorot initialization: √2, as He's, in the authors' code and in WGAN-GP's, 1 in that of arXiv 1805.08318; all other
    layers have 1. `upsampling` is a mode of `nn.Upsample`. Raises ValueError for a shorter side other than 32, 48, 64
    and 128, for a stride that no map has and for sizes below 1.
    """

    def __init__(
        self,
        latent: int,
        channels: int,
        image_size: int | Sequence[int],
        normalization: Normalization,
        num_classes: int | None = None,
        width: int = 64,
        attention_stride: int | None = None,
        residual_gain: float = 1.0,
        upsampling: str = "nearest",
    ) -> None:
        super().__init__()
        if num_classes is not None:
            require_positive(num_classes=num_classes)

        def norm(channels: int) -> nn.Module:
            if num_classes is None:
                return normalization.maps(channels)
            return by_label(normalization.maps(channels, affine=False), channels, num_classes)

        self.network = ResNetGeneratorTrunk(
            latent,
            channels,
            architecture_for(image_size, ARCHITECTURES),
            width,
            normalization,
            norm,
            weight_init(nn.init.xavier_uniform_, normalization),
            attention_stride,
            weight_init(partial(nn.init.xavier_uniform_, gain=residual_gain), normalization),
            upsampling,
        )

    def forward(self, noise: Tensor, label: Tensor | None = None) -> Tensor:
        """Return images (N, C, H, W) in [-1, 1] from noise (N, latent) and, if conditional, labels (N,)."""
        condition = () if label is None else (label,)
        output: Tensor = self.network(noise, [condition] * len(self.network.blocks))
        return output


class Discriminator(nn.Module):
    """Images (N, channels, H, W) to logits (N,) (arXiv 1802.05957, tables 4-6).

    With `num_classes` it is class-conditional: its features are also projected on the label's embedding (arXiv
    1802.05637, eq. 4). With the paper's `width` of 64 there are 128 channels at 32x32 and 64 to 1024 at 64x64 and
    128x128. `width_multiples`, if given, are the channels after each block as multiples of `width`, one for each block.
    With `hidden_as_output` blocks widen in their first convolution, not in their second. With `mean_pooling` the logits
    are of the mean over the last map, not of the sum. `attention_stride` and `residual_gain` are Generator's. Raises
    ValueError as Generator does and for another number of multiples.
    """

    def __init__(
        self,
        channels: int,
        image_size: int | Sequence[int],
        normalization: Normalization,
        num_classes: int | None = None,
        width: int = 64,
        attention_stride: int | None = None,
        residual_gain: float = 1.0,
        width_multiples: Sequence[int] | None = None,
        hidden_as_output: bool = False,
        mean_pooling: bool = False,
    ) -> None:
        super().__init__()
        if num_classes is not None:
            require_positive(num_classes=num_classes)
        architecture = replace(architecture_for(image_size, ARCHITECTURES), hidden_as_output=hidden_as_output)
        if width_multiples is not None:
            architecture = _with_width_multiples(architecture, width_multiples)
        init_and_normalize = weight_init(nn.init.xavier_uniform_, normalization)
        self.network = ResNetDiscriminatorTrunk(
            channels,
            architecture,
            width,
            normalization,
            init_and_normalize,
            attention_stride,
            weight_init(partial(nn.init.xavier_uniform_, gain=residual_gain), normalization),
            mean_pooling,
        )
        features = self.network.features
        self.logit = (
            init_and_normalize(nn.Linear(features, 1))
            if num_classes is None
            else Projection(features, num_classes, init_and_normalize)
        )

    def forward(self, image: Tensor, label: Tensor | None = None) -> Tensor:
        """Return logits (N,) from images (N, C, H, W) and, if conditional, labels (N,)."""
        features = self.network(image)
        output: Tensor = self.logit(features).squeeze(1) if label is None else self.logit(features, label)
        return output


def _with_width_multiples(architecture: Architecture, multiples: Sequence[int]) -> Architecture:
    """Return the architecture with other channels in the discriminator; raises ValueError for another number."""
    blocks = len(architecture.discriminator)
    if len(multiples) != blocks:
        raise ValueError(
            f"width_multiples={list(multiples)}: this discriminator has {blocks} blocks, so it takes {blocks} multiples"
        )
    require_positive(width_multiples=min(multiples))
    return replace(architecture, discriminator=tuple(multiples))
