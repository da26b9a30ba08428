"""Residual networks, plain and class-conditional (arXiv 1802.05957, appendix B.4, after 1704.00028; 1802.05637)."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from torch import Tensor, nn

from ganexp.layers.attention import SelfAttention
from ganexp.layers.conditional_normalization import by_label
from ganexp.layers.normalization import Layer, Normalization
from ganexp.layers.projection import Projection
from ganexp.layers.residual import DownBlock, FirstBlock, UpBlock
from ganexp.networks.checks import require_positive


@dataclass(frozen=True)
class Form:
    """What networks for one image size look like; channels are multiples of the width."""

    start: int  # the side of the generator's first map
    generator: tuple[int, ...]  # channels of the first map and after each block
    discriminator: tuple[int, ...]  # channels after each block
    halvings: int  # so many blocks of the discriminator, from the first on, halve the map
    hidden_as_output: bool = (
        False  # whether the discriminator's blocks widen in their first convolution, not the second
    )


FORMS = {
    32: Form(4, (4, 4, 4, 4), (2, 2, 2, 2), halvings=2),  # arXiv 1802.05957, table 4
    48: Form(6, (8, 4, 2, 1), (1, 2, 4, 8, 8), halvings=4),  # arXiv 1802.05957, table 5
    64: Form(4, (16, 8, 4, 2, 1), (1, 2, 4, 8, 16), halvings=5),  # the authors' code for arXiv 1802.05637
    128: Form(4, (16, 16, 8, 4, 2, 1), (1, 2, 4, 8, 16, 16), halvings=5),  # arXiv 1802.05957, table 6
}


def form_of(image_size: int, forms: Mapping[int, Form]) -> Form:
    """Return the form for an image size; raises ValueError naming the sizes there are for any other."""
    if image_size not in forms:
        *most, last = map(str, forms)
        raise ValueError(
            f"no such network is known for {image_size}x{image_size}: "
            f"set data.image_size to {', '.join(most)} or {last}"
        )
    return forms[image_size]


class Upward(nn.Module):
    """Noise (N, latent), with a condition for each block, to images (N, channels, H, W) in [-1, 1].

    A linear layer, blocks that double the map, then norm, ReLU, 3x3 convolution and tanh. `norm` builds the blocks'
    norms, `prepare` initializes and normalizes a layer. The map whose side is the image's divided by
    `attention_stride`, if given, attends to itself; ValueError is raised where there is none such.
    """

    def __init__(
        self,
        latent: int,
        channels: int,
        form: Form,
        width: int,
        normalization: Normalization,
        norm: Callable[[int], nn.Module],
        prepare: Callable[[Layer], nn.Module],
        attention_stride: int | None,
    ) -> None:
        super().__init__()
        require_positive(latent=latent, channels=channels, width=width)
        widths = [width * multiple for multiple in form.generator]
        strides = [2**step for step in reversed(range(len(widths) - 1))]
        self.first = nn.Sequential(
            prepare(nn.Linear(latent, widths[0] * form.start**2)),
            nn.Unflatten(1, (widths[0], form.start, form.start)),
        )
        self.blocks = nn.ModuleList(UpBlock(*sizes, norm, prepare) for sizes in pairwise(widths))
        self.attentions = nn.ModuleList(_attentions(widths[1:], strides, attention_stride, prepare))
        self.last = nn.Sequential(
            normalization.maps(widths[-1]),
            nn.ReLU(),
            prepare(nn.Conv2d(widths[-1], channels, 3, padding=1)),
            nn.Tanh(),
        )

    def forward(self, noise: Tensor, conditions: Sequence[Sequence[Tensor]]) -> Tensor:
        """Return images (N, channels, H, W) in [-1, 1] from noise (N, latent) and what each block's norms take."""
        maps = self.first(noise)
        for block, attention, condition in zip(self.blocks, self.attentions, conditions, strict=True):
            maps = attention(block(maps, *condition))
        return self.last(maps)


class Downward(nn.Module):
    """Images (N, channels, H, W) to features (N, `features`): residual blocks, ReLU, the sum over positions.

    `prepare` and `attention_stride` are as in Upward; the largest map of that stride attends to itself.
    """

    def __init__(
        self,
        channels: int,
        form: Form,
        width: int,
        normalization: Normalization,
        prepare: Callable[[Layer], nn.Module],
        attention_stride: int | None,
    ) -> None:
        super().__init__()
        require_positive(channels=channels, width=width)
        widths = [width * multiple for multiple in form.discriminator]
        strides = [2 ** min(depth + 1, form.halvings) for depth in range(len(widths))]
        blocks: list[nn.Module] = [FirstBlock(channels, widths[0], prepare)]
        for depth, (inputs, outputs) in enumerate(pairwise(widths), start=1):
            hidden = outputs if form.hidden_as_output else inputs
            pool = 2 if depth < form.halvings else 1
            blocks.append(DownBlock(inputs, hidden, outputs, normalization.maps, prepare, pool))
        attentions = _attentions(widths, strides, attention_stride, prepare)
        alternating = [module for pair in zip(blocks, attentions, strict=True) for module in pair]
        self.layers = nn.Sequential(*alternating, nn.ReLU())
        self.features = widths[-1]

    def forward(self, image: Tensor) -> Tensor:
        """Return features (N, features), each 0 or more, from images (N, channels, H, W)."""
        return self.layers(image).sum((2, 3))


class Generator(nn.Module):
    """Noise (N, latent) to images (N, channels, image_size, image_size) in [-1, 1] (arXiv 1802.05957, tables 4-6).

    With the paper's `width` of 64 there are 256 channels at 32x32 and 1024 to 64 at 64x64 and 128x128; WGAN-GP has half
    of that at 32x32 (arXiv 1704.00028). `attention_stride` is Upward's. Raises ValueError for an image_size other than
    32, 48, 64 and 128 and for sizes below 1.
    """

    def __init__(
        self,
        latent: int,
        channels: int,
        image_size: int,
        normalization: Normalization,
        width: int = 64,
        attention_stride: int | None = None,
    ) -> None:
        super().__init__()
        form, prepare = form_of(image_size, FORMS), glorot(normalization)
        self.network = Upward(
            latent, channels, form, width, normalization, normalization.maps, prepare, attention_stride
        )

    def forward(self, noise: Tensor) -> Tensor:
        """Return images (N, channels, image_size, image_size) in [-1, 1] from noise (N, latent)."""
        return self.network(noise, [()] * len(self.network.blocks))


class ConditionalGenerator(nn.Module):
    """A Generator whose blocks' norms take their gains and biases from the label (arXiv 1802.05637, appendix).

    Raises ValueError as Generator does, and for num_classes below 1.
    """

    def __init__(
        self,
        latent: int,
        channels: int,
        image_size: int,
        normalization: Normalization,
        num_classes: int,
        width: int = 64,
        attention_stride: int | None = None,
    ) -> None:
        super().__init__()
        require_positive(num_classes=num_classes)
        form, prepare = form_of(image_size, FORMS), glorot(normalization)

        def norm(width: int) -> nn.Module:
            return by_label(normalization.maps(width, affine=False), width, num_classes)

        self.network = Upward(latent, channels, form, width, normalization, norm, prepare, attention_stride)

    def forward(self, noise: Tensor, label: Tensor) -> Tensor:
        """Return images (N, C, H, W) in [-1, 1] from noise (N, latent) and labels (N,) in [0, num_classes)."""
        return self.network(noise, [(label,)] * len(self.network.blocks))


class Discriminator(nn.Module):
    """Images (N, channels, image_size, image_size) to logits (N,) (arXiv 1802.05957, tables 4-6).

    With the paper's `width` of 64 there are 128 channels at 32x32 and 64 to 1024 at 64x64 and 128x128.
    `attention_stride` is Downward's. Raises ValueError as Generator does.
    """

    def __init__(
        self,
        channels: int,
        image_size: int,
        normalization: Normalization,
        width: int = 64,
        attention_stride: int | None = None,
    ) -> None:
        super().__init__()
        prepare = glorot(normalization)
        self.network = Downward(channels, form_of(image_size, FORMS), width, normalization, prepare, attention_stride)
        self.logit = prepare(nn.Linear(self.network.features, 1))

    def forward(self, image: Tensor) -> Tensor:
        """Return logits (N,) from images (N, channels, image_size, image_size)."""
        return self.logit(self.network(image)).squeeze(1)


class ProjectionDiscriminator(nn.Module):
    """A Discriminator whose features are also projected on the label's embedding (arXiv 1802.05637, eq. 4).

    Raises ValueError as Generator does, and for num_classes below 1.
    """

    def __init__(
        self,
        channels: int,
        image_size: int,
        normalization: Normalization,
        num_classes: int,
        width: int = 64,
        attention_stride: int | None = None,
    ) -> None:
        super().__init__()
        require_positive(num_classes=num_classes)
        prepare = glorot(normalization)
        self.network = Downward(channels, form_of(image_size, FORMS), width, normalization, prepare, attention_stride)
        self.logit = Projection(self.network.features, num_classes, prepare)

    def forward(self, image: Tensor, label: Tensor) -> Tensor:
        """Return logits (N,) from images (N, C, H, W) and labels (N,) in [0, num_classes)."""
        return self.logit(self.network(image), label)


def glorot(normalization: Normalization) -> Callable[[Layer], nn.Module]:
    """Return a function that gives a layer Glorot's uniform weights and no bias, then normalizes its weight."""

    def prepare(layer: Layer) -> nn.Module:
        # Before any normalization, so that spectral norm starts its vectors from these weights.
        nn.init.xavier_uniform_(layer.weight)
        if layer.bias is not None:
            nn.init.zeros_(layer.bias)
        return normalization.edge(layer)

    return prepare


def _attentions(
    widths: Sequence[int], strides: Sequence[int], wanted: int | None, prepare: Callable[[Layer], nn.Module]
) -> list[nn.Module]:
    if wanted is not None and wanted not in strides:
        raise ValueError(f"attention_stride={wanted}: this network's maps have the strides {sorted(set(strides))}")
    where = None if wanted is None else strides.index(wanted)
    return [SelfAttention(w, prepare) if depth == where else nn.Identity() for depth, w in enumerate(widths)]
