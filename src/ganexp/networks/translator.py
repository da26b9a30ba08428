"""Residual image-to-image generator of CycleGAN (arXiv 1703.10593, appendix 7.2; 1603.08155)."""

from torch import Tensor, nn

from ganexp.layers.checks import require_positive
from ganexp.layers.initialization import initialize_norms, initialized
from ganexp.layers.normalization import Normalization
from ganexp.layers.padding import ReflectionPad2d

SMALLEST = 8
FIFTH = 4


def blocks_for(image_size: int) -> int:
    """Return the paper's number of residual blocks: 6 up to 128x128, 9 above."""
    return 6 if image_size <= 128 else 9


class Block(nn.Module):
    """A residual block (N, width, H, W) of two 3x3 convolutions with reflection padding."""

    def __init__(self, width: int, normalization: Normalization) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            ReflectionPad2d(1),
            normalization.hidden(initialized(nn.Conv2d(width, width, 3))),
            nn.ReLU(),
            ReflectionPad2d(1),
            normalization.hidden(initialized(nn.Conv2d(width, width, 3))),
        )

    def forward(self, maps: Tensor) -> Tensor:
        """Return maps of the same shape."""
        output: Tensor = maps + self.layers(maps)
        return output


class Generator(nn.Module):
    """Images (N, channels, H, W) in [-1, 1] to images of the same shape; H and W are multiples of 4, at least 8.

    Two halvings, `blocks` residual blocks (None: 6 up to 128x128, 9 above), two doublings. `width` is the number of
    channels of the largest hidden map, a quarter of the residual blocks'. Raises ValueError for an image_size
    that is not a multiple of 4 or is below 8, and for sizes below 1.
    """

    multiple = 4

    def __init__(
        self,
        channels: int,
        image_size: int,
        normalization: Normalization,
        width: int = 64,
        blocks: int | None = None,
    ) -> None:
        super().__init__()
        blocks = blocks_for(image_size) if blocks is None else blocks
        require_positive(channels=channels, image_size=image_size, width=width, blocks=blocks)
        if image_size % self.multiple or image_size < SMALLEST:
            nearest = max(SMALLEST, -(-image_size // self.multiple) * self.multiple)
            raise ValueError(
                f"a residual translator halves its maps twice and cannot take {image_size}x{image_size}: "
                f"set data.image_size to {nearest}"
            )
        hidden = normalization.hidden
        self.encoder = nn.ModuleList(
            [
                nn.Sequential(ReflectionPad2d(3), hidden(initialized(nn.Conv2d(channels, width, 7))), nn.ReLU()),
                nn.Sequential(hidden(_halving(width, 2 * width)), nn.ReLU()),
                nn.Sequential(hidden(_halving(2 * width, 4 * width)), nn.ReLU()),
            ]
        )
        self.blocks = nn.ModuleList(Block(4 * width, normalization) for _ in range(blocks))
        self.decoder = nn.Sequential(
            hidden(_doubling(4 * width, 2 * width)),
            nn.ReLU(),
            hidden(_doubling(2 * width, width)),
            nn.ReLU(),
            ReflectionPad2d(3),
            normalization.edge(initialized(nn.Conv2d(width, channels, 7))),
            nn.Tanh(),
        )
        self.feature_widths = [channels, 2 * width, 4 * width, 4 * width, 4 * width]
        initialize_norms(self)

    def forward(self, images: Tensor) -> Tensor:
        """Return images in [-1, 1] of the shape (N, channels, H, W) of those given."""
        for layer in (*self.encoder, *self.blocks):
            images = layer(images)
        output: Tensor = self.decoder(images)
        return output

    def features(self, images: Tensor) -> list[Tensor]:
        """Return the feature maps of images (N, channels, H, W) that CUT contrasts (arXiv 2007.15651, appendix C.1).

        These are the pixels, both downsampled maps, and the outputs of the first and the fifth (or last) residual
        block, each (N, `feature_widths`, h, w).
        """
        first, *halvings = self.encoder
        features = [images]
        maps = first(images)
        for halving in halvings:
            maps = halving(maps)
            features.append(maps)
        fifth = min(FIFTH, len(self.blocks) - 1)
        for number, block in enumerate(self.blocks[: fifth + 1]):
            maps = block(maps)
            if number in (0, fifth):
                features.append(maps)
        return features if fifth else [*features, maps]


def _halving(inputs: int, outputs: int) -> nn.Module:
    return initialized(nn.Conv2d(inputs, outputs, 3, stride=2, padding=1))


def _doubling(inputs: int, outputs: int) -> nn.Module:
    return initialized(nn.ConvTranspose2d(inputs, outputs, 3, stride=2, padding=1, output_padding=1))
