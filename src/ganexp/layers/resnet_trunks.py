"""ResNet trunks of generators and discriminators (arXiv 1802.05957, appendix B.4; 1809.11096, appendix B)."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from torch import Tensor, nn

from ganexp.image_size import ImageSize
from ganexp.layers.attention import attention_at
from ganexp.layers.checks import require_positive
from ganexp.layers.normalization import Layer, Normalization
from ganexp.layers.residual import DownBlock, FirstBlock, UpBlock
from ganexp.layers.resolution import rectangle_near


@dataclass(frozen=True)
class Architecture:
    """Depth and widths of both networks for one image size; channels are multiples of the width."""

    start: int | ImageSize  # side of the generator's first map, or its height and width
    generator: tuple[int, ...]  # channels of the first map and after each block
    discriminator: tuple[int, ...]  # channels after each block
    halvings: int  # number of leading discriminator blocks that halve the map
    hidden_as_output: bool = False  # whether discriminator blocks widen in their first convolution, not the second
    rectified_shortcut: bool = False  # whether shortcuts of discriminator blocks begin with a ReLU

    @property
    def doublings(self) -> int:
        """The number of generator blocks, each of which doubles the map."""
        return len(self.generator) - 1


def architecture_for(image_size: int | Sequence[int], architectures: Mapping[int, Architecture]) -> Architecture:
    """Return the architecture for an image size, that of a rectangle's shorter side with a longer first map.

    Raises ValueError, naming the supported sizes, for others: the longer side must be halved as often as the shorter.
    """
    size = ImageSize.of(image_size)
    shorter = min(size)
    if shorter not in architectures:
        *most, last = map(str, architectures)
        rectangles = "" if size.is_square else ", or to a rectangle whose shorter side is one of these"
        raise ValueError(
            f"this network has no architecture for {size.text}: "
            f"set data.image_size to {', '.join(most)} or {last}{rectangles}"
        )
    architecture = architectures[shorter]
    if size.is_square:
        return architecture
    multiple = 2 ** max(architecture.doublings, architecture.halvings)
    if max(size) % multiple:
        raise ValueError(
            f"this network makes images with a shorter side of {shorter} whose longer side is a multiple of "
            f"{multiple}, not {size.text}: set data.image_size to {rectangle_near(size, shorter, multiple).argument}"
        )
    return replace(architecture, start=ImageSize(*(side // 2**architecture.doublings for side in size)))


class ResNetGeneratorTrunk(nn.Module):
    """Noise (N, latent), with a condition for each block, to images (N, channels, H, W) in [-1, 1].

    A linear layer, residual blocks that double the map, then norm, ReLU, 3x3 convolution and tanh. `norm` builds the
    blocks' norms. `attention_stride`, if given, puts self-attention on the map whose side is the image's divided by it;
    raises ValueError where no map has that stride. `init_residual` and `upsampling` are UpBlock's.
    """

    def __init__(
        self,
        latent: int,
        channels: int,
        architecture: Architecture,
        width: int,
        normalization: Normalization,
        norm: Callable[[int], nn.Module],
        init_and_normalize: Callable[[Layer], nn.Module],
        attention_stride: int | None,
        init_residual: Callable[[Layer], nn.Module] | None = None,
        upsampling: str = "nearest",
    ) -> None:
        super().__init__()
        require_positive(latent=latent, channels=channels, width=width)
        start, widths = ImageSize.of(architecture.start), [width * multiple for multiple in architecture.generator]
        strides = [2**step for step in reversed(range(len(widths) - 1))]
        self.first = nn.Sequential(
            init_and_normalize(nn.Linear(latent, widths[0] * start.pixels)),
            nn.Unflatten(1, (widths[0], *start)),
        )
        self.blocks = nn.ModuleList(
            UpBlock(inputs, outputs, norm, init_and_normalize, init_residual, upsampling)
            for inputs, outputs in pairwise(widths)
        )
        self.attentions = nn.ModuleList(attention_at(attention_stride, strides, widths[1:], init_and_normalize))
        self.last = nn.Sequential(
            normalization.maps(widths[-1]),
            nn.ReLU(),
            init_and_normalize(nn.Conv2d(widths[-1], channels, 3, padding=1)),
            nn.Tanh(),
        )

    def forward(self, noise: Tensor, conditions: Sequence[Sequence[Tensor]]) -> Tensor:
        """Return images (N, channels, H, W) in [-1, 1] from noise (N, latent) and the condition of each block's norms.

        A condition is the tensors that the norms take besides the maps: empty for unconditional norms.
        """
        maps = self.first(noise)
        for block, attention, condition in zip(self.blocks, self.attentions, conditions, strict=True):
            maps = attention(block(maps, *condition))
        output: Tensor = self.last(maps)
        return output


class ResNetDiscriminatorTrunk(nn.Module):
    """Images (N, channels, H, W) to features (N, `features`): residual blocks, ReLU, the sum over positions.

    `attention_stride` is as in ResNetGeneratorTrunk; of several maps with that stride the first gets self-attention.
    `init_residual` is UpBlock's. With `mean_pooling` the features are means over positions.
    """

    def __init__(
        self,
        channels: int,
        architecture: Architecture,
        width: int,
        normalization: Normalization,
        init_and_normalize: Callable[[Layer], nn.Module],
        attention_stride: int | None,
        init_residual: Callable[[Layer], nn.Module] | None = None,
        mean_pooling: bool = False,
    ) -> None:
        super().__init__()
        require_positive(channels=channels, width=width)
        widths = [width * multiple for multiple in architecture.discriminator]
        strides = [2 ** min(depth + 1, architecture.halvings) for depth in range(len(widths))]
        blocks: list[nn.Module] = [FirstBlock(channels, widths[0], init_and_normalize, init_residual)]
        for depth, (inputs, outputs) in enumerate(pairwise(widths), start=1):
            hidden = outputs if architecture.hidden_as_output else inputs
            pool = 2 if depth < architecture.halvings else 1
            blocks.append(
                DownBlock(
                    inputs,
                    hidden,
                    outputs,
                    normalization.maps,
                    init_and_normalize,
                    pool,
                    init_residual,
                    architecture.rectified_shortcut,
                )
            )
        attentions = attention_at(attention_stride, strides, widths, init_and_normalize)
        alternating = [module for pair in zip(blocks, attentions, strict=True) for module in pair]
        self.layers = nn.Sequential(*alternating, nn.ReLU())
        self.features = widths[-1]
        self.mean_pooling = mean_pooling

    def forward(self, image: Tensor) -> Tensor:
        """Return non-negative features (N, features) from images (N, channels, H, W)."""
        maps = self.layers(image)
        output: Tensor = maps.mean((2, 3)) if self.mean_pooling else maps.sum((2, 3))
        return output
