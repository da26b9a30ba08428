"""Bottleneck residual blocks of BigGAN-deep, whose shortcuts have no or few weights (arXiv 1809.11096, figure 16)."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from ganexp.layers.normalization import Layer

RATIO = 4
"""The number of channels of a block relative to that of its 3x3 convolutions."""


class UpBottleneck(nn.Module):
    """1x1, 3x3, 3x3 and 1x1 convolution, each after a conditional norm and a ReLU, beside a shortcut without weights.

    The map is enlarged by `factor` before the first 3x3 convolution. The shortcut drops the channels beyond `outputs`,
    of which there must be at most `inputs`. `norm` builds the norm of a number of channels, which is called with the
    condition; `init_and_normalize` is applied to each convolution.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        factor: int,
        norm: Callable[[int], nn.Module],
        init_and_normalize: Callable[[Layer], nn.Module],
    ) -> None:
        super().__init__()
        hidden = max(inputs // RATIO, 1)
        self.outputs = outputs
        self.norm1, self.norm2, self.norm3, self.norm4 = norm(inputs), norm(hidden), norm(hidden), norm(hidden)
        self.conv1 = init_and_normalize(nn.Conv2d(inputs, hidden, 1))
        self.conv2 = init_and_normalize(nn.Conv2d(hidden, hidden, 3, padding=1))
        self.conv3 = init_and_normalize(nn.Conv2d(hidden, hidden, 3, padding=1))
        self.conv4 = init_and_normalize(nn.Conv2d(hidden, outputs, 1))
        self.relu = nn.ReLU()
        self.upsample = nn.Upsample(scale_factor=factor) if factor > 1 else nn.Identity()

    def forward(self, maps: Tensor, condition: Tensor) -> Tensor:
        """Return maps (N, outputs, factor H, factor W) from maps (N, inputs, H, W) and a condition (N, …)."""
        residual = self.conv1(self.relu(self.norm1(maps, condition)))
        residual = self.conv2(self.upsample(self.relu(self.norm2(residual, condition))))
        residual = self.conv3(self.relu(self.norm3(residual, condition)))
        residual = self.conv4(self.relu(self.norm4(residual, condition)))
        output: Tensor = residual + self.upsample(maps[:, : self.outputs])
        return output


class DownBottleneck(nn.Module):
    """1x1, 3x3, 3x3 and 1x1 convolution, each after a norm and a ReLU, pooled before the last, beside a shortcut.

    The shortcut is the pooled map, with the channels that it lacks by a 1x1 convolution. There must be at least as many
    `outputs` as `inputs`. `norm` builds the norm of a number of channels, in the paper none; `init_and_normalize` is
    applied to each convolution.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        pool: int,
        norm: Callable[[int], nn.Module],
        init_and_normalize: Callable[[Layer], nn.Module],
    ) -> None:
        super().__init__()
        hidden = max(outputs // RATIO, 1)
        self.residual = nn.Sequential(
            norm(inputs),
            nn.ReLU(),
            init_and_normalize(nn.Conv2d(inputs, hidden, 1)),
            norm(hidden),
            nn.ReLU(),
            init_and_normalize(nn.Conv2d(hidden, hidden, 3, padding=1)),
            norm(hidden),
            nn.ReLU(),
            init_and_normalize(nn.Conv2d(hidden, hidden, 3, padding=1)),
            norm(hidden),
            nn.ReLU(),
            nn.AvgPool2d(pool),
            init_and_normalize(nn.Conv2d(hidden, outputs, 1)),
        )
        self.pool = nn.AvgPool2d(pool)
        self.widening = init_and_normalize(nn.Conv2d(inputs, outputs - inputs, 1)) if outputs > inputs else None

    def forward(self, maps: Tensor) -> Tensor:
        """Return maps (N, outputs, H / pool, W / pool) from maps (N, inputs, H, W)."""
        pooled = self.pool(maps)
        shortcut = pooled if self.widening is None else torch.cat([pooled, self.widening(pooled)], dim=1)
        output: Tensor = shortcut + self.residual(maps)
        return output
