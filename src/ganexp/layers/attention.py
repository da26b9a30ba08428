"""Self-attention over the positions of a feature map (arXiv 1805.08318)."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from ganexp.layers.normalization import Layer


class SelfAttention(nn.Module):
    """Residual self-attention over the positions of maps (N, C, H, W) (arXiv 1805.08318, eq. 1-3).

    Queries f and keys g have C/8 channels, values h C/2, all by 1x1 convolutions without bias, as is v back to C.
    Keys and values are max-pooled by `pool`, as in the authors' code and in arXiv 1809.11096; `pool=1` is the paper's
    text. At initialization gamma is 0 and the layer the identity. `init_and_normalize` is applied to the convolutions.
    """

    def __init__(self, channels: int, init_and_normalize: Callable[[Layer], nn.Module], pool: int = 2) -> None:
        super().__init__()
        eighth, half = max(channels // 8, 1), max(channels // 2, 1)
        self.f = init_and_normalize(nn.Conv2d(channels, eighth, 1, bias=False))
        self.g = init_and_normalize(nn.Conv2d(channels, eighth, 1, bias=False))
        self.h = init_and_normalize(nn.Conv2d(channels, half, 1, bias=False))
        self.v = init_and_normalize(nn.Conv2d(half, channels, 1, bias=False))
        self.pool = nn.MaxPool2d(pool)
        self.gamma = nn.Parameter(torch.zeros(()))

    def forward(self, maps: Tensor) -> Tensor:
        """Return maps (N, C, H, W) from maps of that shape."""
        query = self.f(maps).flatten(2)
        key = self.pool(self.g(maps)).flatten(2)
        value = self.pool(self.h(maps)).flatten(2)
        # Written out: gradient penalties differentiate twice, which torch's fused attention does not support.
        attention = torch.softmax(query.transpose(1, 2) @ key, dim=2)
        attended = (value @ attention.transpose(1, 2)).unflatten(2, maps.shape[2:])
        output: Tensor = maps + self.gamma * self.v(attended)
        return output


def attention_at(
    stride: int | None, strides: Sequence[int], widths: Sequence[int], init_and_normalize: Callable[[Layer], nn.Module]
) -> list[nn.Module]:
    """Return self-attention for the first map with a stride (None: for no map), and the identity for the others.

    Maps have `strides`, which are the image's side divided by theirs, and `widths`. Raises ValueError where none has
    the stride.
    """
    if stride is not None and stride not in strides:
        raise ValueError(f"attention_stride={stride}: this network's maps have the strides {sorted(set(strides))}")
    attended = None if stride is None else strides.index(stride)
    return [
        SelfAttention(width, init_and_normalize) if number == attended else nn.Identity()
        for number, width in enumerate(widths)
    ]
