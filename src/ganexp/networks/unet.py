"""U-Net generator of pix2pix (arXiv 1611.07004, appendix 6.1.1)."""

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

from ganexp.image_size import ImageSize
from ganexp.layers.checks import require_positive
from ganexp.layers.dropout import Dropout
from ganexp.layers.initialization import initialize_norms
from ganexp.layers.normalization import Normalization, with_affine, with_image_statistics
from ganexp.layers.resolution import doubling, halving, step_widths

MOST_HALVINGS = 8
DROPOUT_LAYERS = 3  # number of innermost decoder layers with dropout


def halvings(image_size: int | Sequence[int]) -> int:
    """Return how many times both sides can be halved, at most 8, which takes 256 to a single pixel.

    Raises ValueError for an odd side.
    """
    size = ImageSize.of(image_size)
    times = min((side & -side).bit_length() - 1 for side in size)
    if times == 0:
        even = ImageSize(*(side + side % 2 for side in size))
        powers = "to a power of two" if size.is_square else "to multiples of one"
        raise ValueError(
            f"a U-Net halves its maps and cannot halve {size.text}: "
            f"set data.image_size to {even.argument} or, for more halvings, {powers}"
        )
    return min(times, MOST_HALVINGS)


class Generator(nn.Module):
    """Images (N, input_channels, H, W) in [-1, 1] to images (N, channels, H, W) of the same size.

    H and W are multiples of `multiple`; `input_channels` None are as many as channels.

    Each encoder layer halves the map; each decoder layer doubles it and is concatenated with the encoder's map of that
    size. `depth` is the number of halvings; None is as many as `image_size` allows, at most the paper's 8.
    `width` is the number of channels of the largest hidden map, and doubles with each halving up to `max_width`. The
    three innermost layers of the decoder have dropout, as in the paper and in phillipi/pix2pix (models.lua).
    `dropout_at_test` keeps it on in evaluation: with one mask for all images, or with `mask_per_image` one for each.
    With `image_statistics_at_test` batch norms in evaluation use each image's own statistics, not the running ones.
    Instance normalization has gains and biases unless `affine` is false.
    Raises ValueError for an odd image_size, for one that cannot be halved `depth` times, and for other sizes below 1.
    """

    def __init__(
        self,
        channels: int,
        image_size: int | Sequence[int],
        normalization: Normalization,
        width: int = 64,
        max_width: int = 512,
        depth: int | None = None,
        dropout: float = 0.5,
        dropout_at_test: bool = False,
        mask_per_image: bool = False,
        image_statistics_at_test: bool = False,
        affine: bool = True,
        input_channels: int | None = None,
    ) -> None:
        super().__init__()
        normalization = with_affine(normalization, affine)
        if image_statistics_at_test:
            normalization = with_image_statistics(normalization)
        possible = halvings(image_size)
        depth = possible if depth is None else depth
        require_positive(channels=channels, width=width, max_width=max_width, depth=depth)
        if depth > possible:
            raise ValueError(
                f"depth={depth}: a U-Net for {ImageSize.of(image_size).text} has at most {possible} halvings"
            )
        self.multiple = 2**depth
        widths = step_widths(depth, width, max_width)
        # The innermost map may be a single pixel, which instance normalization would set to zero.
        outer = [normalization.edge(halving(input_channels or channels, widths[0]))]
        inner = [_down(normalization.hidden(halving(*sizes))) for sizes in pairwise(widths[:-1])]
        innermost = [_down(normalization.edge(halving(*widths[-2:])))] if depth > 1 else []
        self.encoder = nn.ModuleList([*outer, *inner, *innermost])
        self.decoder = nn.ModuleList()
        inputs = widths[-1]
        for position, outputs in enumerate(reversed(widths[:-1])):
            with_noise = position < DROPOUT_LAYERS
            noise = Dropout(dropout, dropout_at_test, mask_per_image) if with_noise else nn.Identity()
            self.decoder.append(nn.Sequential(nn.ReLU(), normalization.hidden(doubling(inputs, outputs)), noise))
            inputs = 2 * outputs
        self.output = nn.Sequential(nn.ReLU(), normalization.edge(doubling(inputs, channels)), nn.Tanh())
        initialize_norms(self)

    def forward(self, images: Tensor) -> Tensor:
        """Return images in [-1, 1], (N, channels, H, W)."""
        skips = []
        maps = images
        for down in self.encoder:
            maps = down(maps)
            skips.append(maps)
        maps = skips.pop()
        for up in self.decoder:
            maps = torch.cat([up(maps), skips.pop()], 1)
        output: Tensor = self.output(maps)
        return output


def _down(layer: nn.Module) -> nn.Module:
    return nn.Sequential(nn.LeakyReLU(0.2), layer)
