"""Vision transformers (arXiv 2010.11929) whose class token is the feature of an image: DINOv2's and CLIP's."""

from functools import partial

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate, scaled_dot_product_attention

MLP_RATIO = 4
OFFSET = 0.1
"""DINOv2's code interpolates its position embedding by the ratio (grid + 0.1) / trained grid, without rounding."""


class VisionTransformer(nn.Module):
    """Images (N, 3, H, W), H and W multiples of ``patch``, to the normalized class token (N, width).

    Parameters have the names of DINOv2's weights. ``grid`` is the number of patches per side that the position
    embedding was trained on; other sizes interpolate it. CLIP differs from DINOv2 by a normalization before the blocks
    (``norm_pre``), x·sigmoid(1.702 x) in place of GELU (``quick_gelu``), patches without bias, blocks without
    ``layer_scale``, another ``eps`` of the normalizations, and a ``projection`` to (N, projection).
    """

    def __init__(
        self,
        grid: int,
        patch: int,
        width: int,
        depth: int,
        heads: int,
        eps: float,
        quick_gelu: bool = False,
        norm_pre: bool = False,
        patch_bias: bool = True,
        layer_scale: bool = True,
        projection: int | None = None,
    ) -> None:
        super().__init__()
        self.grid = grid
        norm = partial(nn.LayerNorm, width, eps=eps)
        self.cls_token = nn.Parameter(torch.zeros(1, 1, width))
        self.pos_embed = nn.Parameter(torch.zeros(1, 1 + grid * grid, width))
        self.patch_embed = PatchEmbedding(patch, width, patch_bias)
        self.norm_pre = norm() if norm_pre else nn.Identity()
        activation = QuickGELU() if quick_gelu else nn.GELU()
        blocks = (Block(width, heads, norm(), norm(), activation, layer_scale) for _ in range(depth))
        self.blocks = nn.Sequential(*blocks)
        self.norm = norm()
        self.projection = nn.Identity() if projection is None else nn.Linear(width, projection, bias=False)

    def forward(self, images: Tensor) -> Tensor:
        """Return the class token after the last normalization, projected where there is a projection."""
        patches = self.patch_embed.proj(images)
        rows, columns = patches.shape[-2:]
        tokens = torch.cat([self.cls_token.expand(len(images), -1, -1), patches.flatten(2).mT], dim=1)
        tokens = self.blocks(self.norm_pre(tokens + self.positions(rows, columns)))
        features: Tensor = self.projection(self.norm(tokens[:, 0]))
        return features

    def positions(self, rows: int, columns: int) -> Tensor:
        """Return the position embedding (1, 1 + rows * columns, width) of a grid of patches, bicubically as DINOv2."""
        if rows == columns == self.grid:
            return self.pos_embed
        trained = self.pos_embed[:, 1:].mT.unflatten(-1, (self.grid, self.grid))
        factors = (rows + OFFSET) / self.grid, (columns + OFFSET) / self.grid
        resized = interpolate(trained, scale_factor=factors, mode="bicubic")
        return torch.cat([self.pos_embed[:, :1], resized.flatten(2).mT], dim=1)


class PatchEmbedding(nn.Module):
    """A linear map of patches, as a convolution without overlap."""

    def __init__(self, patch: int, width: int, bias: bool) -> None:
        super().__init__()
        self.proj = nn.Conv2d(3, width, patch, patch, bias=bias)


class Block(nn.Module):
    """Self-attention and an MLP, each normalized before and added to tokens (N, L, width)."""

    def __init__(
        self, width: int, heads: int, norm1: nn.Module, norm2: nn.Module, activation: nn.Module, layer_scale: bool
    ) -> None:
        super().__init__()
        self.norm1 = norm1
        self.attn = Attention(width, heads)
        self.ls1 = LayerScale(width) if layer_scale else nn.Identity()
        self.norm2 = norm2
        self.mlp = MLP(width, activation)
        self.ls2 = LayerScale(width) if layer_scale else nn.Identity()

    def forward(self, tokens: Tensor) -> Tensor:
        """Return the tokens after attention and MLP."""
        tokens = tokens + self.ls1(self.attn(self.norm1(tokens)))
        output: Tensor = tokens + self.ls2(self.mlp(self.norm2(tokens)))
        return output


class Attention(nn.Module):
    """Self-attention of tokens (N, L, width) with queries, keys and values from one linear map."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width)
        self.proj = nn.Linear(width, width)

    def forward(self, tokens: Tensor) -> Tensor:
        """Return the attended tokens."""
        # (N, L, 3 * width) to three tensors (N, heads, L, width / heads).
        query, key, value = self.qkv(tokens).unflatten(-1, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        attended = scaled_dot_product_attention(query, key, value)
        output: Tensor = self.proj(attended.transpose(1, 2).flatten(2))
        return output


class MLP(nn.Module):
    """Two linear maps with an activation between, four times as wide."""

    def __init__(self, width: int, activation: nn.Module) -> None:
        super().__init__()
        self.fc1 = nn.Linear(width, MLP_RATIO * width)
        self.activation = activation
        self.fc2 = nn.Linear(MLP_RATIO * width, width)

    def forward(self, tokens: Tensor) -> Tensor:
        """Return the transformed tokens."""
        output: Tensor = self.fc2(self.activation(self.fc1(tokens)))
        return output


class LayerScale(nn.Module):
    """A learned factor per channel (arXiv 2103.17239)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.gamma = nn.Parameter(torch.ones(width))

    def forward(self, tokens: Tensor) -> Tensor:
        """Return the scaled tokens."""
        return tokens * self.gamma


class QuickGELU(nn.Module):
    """CLIP's approximation of GELU, x·sigmoid(1.702 x)."""

    def forward(self, x: Tensor) -> Tensor:
        """Return the activations."""
        return x * torch.sigmoid(1.702 * x)
