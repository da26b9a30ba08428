"""Residual blocks that double or halve a feature map (arXiv 1704.00028, appendix; 1802.05957, figure 8)."""

from collections.abc import Callable

from torch import Tensor, nn
from torch.nn.functional import relu

from ganexp.layers.normalization import Layer


class UpBlock(nn.Module):
    """Norm, ReLU, doubling, 3x3 convolution, norm, ReLU, 3x3 convolution, beside a doubling and a 1x1 convolution.

    `norm` builds the normalization for a number of channels; a conditional one is called with the condition.
    `init_and_normalize` is applied to each convolution, to the two 3x3 ones instead `init_residual` where it is given.
    `upsampling` is a mode of `nn.Upsample`.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        norm: Callable[[int], nn.Module],
        init_and_normalize: Callable[[Layer], nn.Module],
        init_residual: Callable[[Layer], nn.Module] | None = None,
        upsampling: str = "nearest",
    ) -> None:
        super().__init__()
        init_residual = init_residual or init_and_normalize
        self.norm1 = norm(inputs)
        self.conv1 = init_residual(_conv3(inputs, outputs))
        self.norm2 = norm(outputs)
        self.conv2 = init_residual(_conv3(outputs, outputs))
        self.shortcut = init_and_normalize(nn.Conv2d(inputs, outputs, 1))
        self.relu = nn.ReLU()
        self.upsample = nn.Upsample(scale_factor=2, mode=upsampling)

    def forward(self, maps: Tensor, *condition: Tensor) -> Tensor:
        """Return maps (N, outputs, 2H, 2W) from maps (N, inputs, H, W) and the norms' condition, if any."""
        residual = self.conv1(self.upsample(self.relu(self.norm1(maps, *condition))))
        residual = self.conv2(self.relu(self.norm2(residual, *condition)))
        # A 1x1 convolution and upsampling commute; this order is cheaper.
        output: Tensor = self.upsample(self.shortcut(maps)) + residual
        return output


class DownBlock(nn.Module):
    """Norm, ReLU, 3x3 convolution, norm, ReLU, 3x3 convolution, pooling, beside a 1x1 convolution and pooling.

    `norm`, `init_and_normalize` and `init_residual` are as in UpBlock; `hidden` is the number of channels between the
    convolutions. With `pool=1` the map keeps its size; if it also keeps its channels, the shortcut is the identity.
    `rectified_shortcut` gives the shortcut the ReLU of the map, as the code of arXiv 2206.09479 does, whose ReLU
    overwrites the map.
    """

    def __init__(
        self,
        inputs: int,
        hidden: int,
        outputs: int,
        norm: Callable[[int], nn.Module],
        init_and_normalize: Callable[[Layer], nn.Module],
        pool: int = 2,
        init_residual: Callable[[Layer], nn.Module] | None = None,
        rectified_shortcut: bool = False,
    ) -> None:
        super().__init__()
        self.rectified_shortcut = rectified_shortcut
        init_residual = init_residual or init_and_normalize
        self.residual = nn.Sequential(
            norm(inputs),
            nn.ReLU(),
            init_residual(_conv3(inputs, hidden)),
            norm(hidden),
            nn.ReLU(),
            init_residual(_conv3(hidden, outputs)),
            nn.AvgPool2d(pool),
        )
        same = inputs == outputs and pool == 1
        # A 1x1 convolution and average pooling commute; this order is cheaper.
        self.shortcut = (
            nn.Identity()
            if same
            else nn.Sequential(nn.AvgPool2d(pool), init_and_normalize(nn.Conv2d(inputs, outputs, 1)))
        )

    def forward(self, maps: Tensor) -> Tensor:
        """Return maps (N, outputs, H / pool, W / pool) from maps (N, inputs, H, W)."""
        output: Tensor = self.shortcut(relu(maps) if self.rectified_shortcut else maps) + self.residual(maps)
        return output


class FirstBlock(nn.Module):
    """3x3 convolution, ReLU, 3x3 convolution, pooling, beside pooling and a 1x1 convolution, for images.

    No ReLU precedes the first convolution: it would clip the image's negative half. `init_and_normalize` and
    `init_residual` are as in UpBlock.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        init_and_normalize: Callable[[Layer], nn.Module],
        init_residual: Callable[[Layer], nn.Module] | None = None,
    ) -> None:
        super().__init__()
        init_residual = init_residual or init_and_normalize
        self.residual = nn.Sequential(
            init_residual(_conv3(inputs, outputs)),
            nn.ReLU(),
            init_residual(_conv3(outputs, outputs)),
            nn.AvgPool2d(2),
        )
        self.shortcut = nn.Sequential(nn.AvgPool2d(2), init_and_normalize(nn.Conv2d(inputs, outputs, 1)))

    def forward(self, image: Tensor) -> Tensor:
        """Return maps (N, outputs, H / 2, W / 2) from images (N, inputs, H, W)."""
        output: Tensor = self.shortcut(image) + self.residual(image)
        return output


def _conv3(inputs: int, outputs: int) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, 3, padding=1)
