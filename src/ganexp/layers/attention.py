"""Self-attention between the positions of a map (arXiv 1805.08318)."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from ganexp.layers.normalization import Layer


class SelfAttention(nn.Module):
    """Maps (N, C, H, W) plus what each position takes from all others (arXiv 1805.08318, eq. 1-3).

    Queries f and keys g have C/8 channels, values h C/2, all by 1x1 convolutions without bias, as is v back to C.
    Keys and values are max-pooled by `pool`, as in the authors' code and in arXiv 1809.11096; `pool=1` is the paper's
    text. At first gamma is 0 and the maps pass unchanged. `prepare` initializes and normalizes the convolutions.
    """

    def __init__(self, channels: int, prepare: Callable[[Layer], nn.Module], pool: int = 2) -> None:
        super().__init__()
        few, half = max(channels // 8, 1), max(channels // 2, 1)
        self.f = prepare(nn.Conv2d(channels, few, 1, bias=False))
        self.g = prepare(nn.Conv2d(channels, few, 1, bias=False))
        self.h = prepare(nn.Conv2d(channels, half, 1, bias=False))
        self.v = prepare(nn.Conv2d(half, channels, 1, bias=False))
        self.pool = nn.MaxPool2d(pool)
        self.gamma = nn.Parameter(torch.zeros(()))

    def forward(self, maps: Tensor) -> Tensor:
        """Return maps (N, C, H, W) from maps of that shape."""
        query = self.f(maps).flatten(2)
        key = self.pool(self.g(maps)).flatten(2)
        value = self.pool(self.h(maps)).flatten(2)
        # Written out: torch's fused attention cannot be differentiated twice, as gradient penalties do.
        attention = torch.softmax(query.transpose(1, 2) @ key, dim=2)
        taken = (value @ attention.transpose(1, 2)).unflatten(2, maps.shape[2:])
        return maps + self.gamma * self.v(taken)
