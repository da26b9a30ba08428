"""Residual image-to-image generator of CycleGAN (arXiv 1703.10593, appendix 7.2; 1603.08155)."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from torch import Tensor, nn

from ganexp.image_size import ImageSize
from ganexp.layers.antialiasing import Downsampling
from ganexp.layers.bilinear import Doubling
from ganexp.layers.checks import require_positive
from ganexp.layers.initialization import dcgan_normal_, initialize_norms, initialized
from ganexp.layers.normalization import Normalization, with_affine
from ganexp.layers.padding import ReflectionPad2d

SMALLEST = 8
FIFTH = 4
ACTIVATIONS, CONVOLUTIONS = "activations", "convolutions"
FEATURES = (ACTIVATIONS, CONVOLUTIONS)
Init = Callable[[Tensor], Tensor]


def blocks_for(side: int) -> int:
    """Return the paper's number of residual blocks by the images' longer side: 6 up to 128, 9 above."""
    return 6 if side <= 128 else 9


class Block(nn.Module):
    """A residual block (N, width, H, W) of two 3x3 convolutions with reflection padding."""

    def __init__(self, width: int, normalization: Normalization, init_: Init = dcgan_normal_) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            ReflectionPad2d(1),
            normalization.hidden(initialized(nn.Conv2d(width, width, 3), init_)),
            nn.ReLU(),
            ReflectionPad2d(1),
            normalization.hidden(initialized(nn.Conv2d(width, width, 3), init_)),
        )

    def forward(self, maps: Tensor) -> Tensor:
        """Return maps of the same shape."""
        output: Tensor = maps + self.layers(maps)
        return output


class Generator(nn.Module):
    """Images (N, input_channels, H, W) in [-1, 1] to images (N, channels, H, W).

    H and W are multiples of 4, at least 8.

    Two halvings, `blocks` residual blocks (None: 6 up to 128x128, 9 above), two doublings. `width` is the number of
    channels of the largest hidden map, a quarter of the residual blocks'. input_channels None are as many as channels.

    `antialias` replaces strides by `Downsampling` after the activation, and transposed convolutions by `Doubling`
    before convolutions (taesungp/contrastive-unpaired-translation, models/networks.py). Instance normalization has
    gains and biases unless `affine` is false. `init_` draws the weights of convolutions in place. `contrasted` selects
    what `features` returns, "activations" or "convolutions".

    Raises ValueError for an image_size that is not a multiple of 4 or is below 8, for sizes below 1, and for an unknown
    `contrasted`.
    """

    multiple = 4

    def __init__(
        self,
        channels: int,
        image_size: int | Sequence[int],
        normalization: Normalization,
        width: int = 64,
        blocks: int | None = None,
        antialias: bool = False,
        affine: bool = True,
        init_: Init = dcgan_normal_,
        contrasted: str = ACTIVATIONS,
        input_channels: int | None = None,
    ) -> None:
        super().__init__()
        size = ImageSize.of(image_size)
        blocks = blocks_for(max(size)) if blocks is None else blocks
        require_positive(channels=channels, width=width, blocks=blocks)
        if any(side % self.multiple or side < SMALLEST for side in size):
            nearest = ImageSize(*(max(SMALLEST, -(-side // self.multiple) * self.multiple) for side in size))
            raise ValueError(
                f"a residual translator halves its maps twice and cannot take {size.text}: "
                f"set data.image_size to {nearest.argument}"
            )
        if contrasted not in FEATURES:
            raise ValueError(f"contrasted={contrasted}: choose one of {', '.join(FEATURES)}")
        inputs = channels if input_channels is None else input_channels
        normalization = with_affine(normalization, affine)
        hidden = normalization.hidden
        doubling = _upsampled if antialias else _doubling
        # Maps that are contrasted before their mean is taken away have a bias.
        halved = replace(normalization, centres=False) if contrasted == CONVOLUTIONS else normalization
        self.encoder = nn.ModuleList(
            [
                nn.Sequential(ReflectionPad2d(3), hidden(initialized(nn.Conv2d(inputs, width, 7), init_)), nn.ReLU()),
                *(_halving(maps, 2 * maps, halved, antialias, init_) for maps in (width, 2 * width)),
            ]
        )
        self.blocks = nn.ModuleList(Block(4 * width, normalization, init_) for _ in range(blocks))
        self.decoder = nn.Sequential(
            doubling(4 * width, 2 * width, normalization, init_),
            nn.ReLU(),
            doubling(2 * width, width, normalization, init_),
            nn.ReLU(),
            ReflectionPad2d(3),
            normalization.edge(initialized(nn.Conv2d(width, channels, 7), init_)),
            nn.Tanh(),
        )
        self.contrasted = contrasted
        self.feature_widths = [inputs, 2 * width, 4 * width, 4 * width, 4 * width]
        initialize_norms(self)

    def forward(self, images: Tensor) -> Tensor:
        """Return images in [-1, 1], (N, channels, H, W)."""
        for layer in (*self.encoder, *self.blocks):
            images = layer(images)
        output: Tensor = self.decoder(images)
        return output

    def features(self, images: Tensor) -> list[Tensor]:
        """Return the feature maps of images (N, channels, H, W) that CUT contrasts (arXiv 2007.15651, appendix C.1).

        These are the pixels, both downsampled maps, and the outputs of the first and the fifth (or last) residual
        block, each (N, `feature_widths`, h, w). With `contrasted` "convolutions" the pixels are padded by reflection,
        and the maps are the outputs of the downsampling convolutions, before normalization and activation; with
        `antialias` also before downsampling, so at full and at half size (taesungp/contrastive-unpaired-translation,
        models/cut_model.py, layers 0, 4, 8, 12 and 16).
        """
        raw = self.contrasted == CONVOLUTIONS
        first, *halvings = self.encoder
        padding, *_ = first.children()
        features = [padding(images) if raw else images]
        maps = first(images)
        for halving in halvings:
            if raw:
                convolved, maps = _through_convolution(halving, maps)
                features.append(convolved)
            else:
                maps = halving(maps)
                features.append(maps)
        fifth = min(FIFTH, len(self.blocks) - 1)
        for number, block in enumerate(self.blocks[: fifth + 1]):
            maps = block(maps)
            if number in (0, fifth):
                features.append(maps)
        return features if fifth else [*features, maps]


def _halving(inputs: int, outputs: int, normalization: Normalization, antialias: bool, init_: Init) -> nn.Module:
    convolution = initialized(nn.Conv2d(inputs, outputs, 3, stride=1 if antialias else 2, padding=1), init_)
    downsampling = [Downsampling()] if antialias else []
    return nn.Sequential(normalization.hidden(convolution), nn.ReLU(), *downsampling)


def _doubling(inputs: int, outputs: int, normalization: Normalization, init_: Init) -> nn.Module:
    convolution = nn.ConvTranspose2d(inputs, outputs, 3, stride=2, padding=1, output_padding=1)
    return normalization.hidden(initialized(convolution, init_))


def _upsampled(inputs: int, outputs: int, normalization: Normalization, init_: Init) -> nn.Module:
    convolution = initialized(nn.Conv2d(inputs, outputs, 3, padding=1), init_)
    return nn.Sequential(Doubling(), normalization.hidden(convolution))


def _through_convolution(halving: nn.Module, maps: Tensor) -> tuple[Tensor, Tensor]:
    """Return the output of a halving's convolution, and that of the whole halving."""
    layer, *others = halving.children()
    # A hidden layer without a norm is the convolution itself.
    convolution, *norm = layer.children() if isinstance(layer, nn.Sequential) else [layer]
    convolved = maps = convolution(maps)
    for module in [*norm, *others]:
        maps = module(maps)
    return convolved, maps
