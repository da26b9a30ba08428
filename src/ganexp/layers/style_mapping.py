"""Mapping of noise and labels to styles, their mean and their mixing (arXiv 1812.04948, 1912.04958, 2006.06676)."""

import torch
from torch import Tensor, nn

from ganexp.distributed import collectives
from ganexp.layers.checks import require_positive
from ganexp.layers.equalized import equalized
from ganexp.layers.label_embedding import LabelEmbedding
from ganexp.layers.modulation import activated

DECAY = 0.995
"""Of the mean style's moving average (NVlabs/stylegan2-ada-pytorch training/networks.py)."""
EPSILON = 1e-8


class NormalizedEmbedding(nn.Module):
    """Labels (N,), or attributes (N, A), to vectors (N, size) of mean square 1, with an equalized learning rate."""

    def __init__(self, num_classes: int, size: int) -> None:
        super().__init__()
        require_positive(num_classes=num_classes, size=size)
        # From N(0, 1), as nn.Embedding draws them.
        self.table = LabelEmbedding(num_classes, size)
        self.bias = nn.Parameter(torch.zeros(size))
        self.scale = num_classes**-0.5

    def forward(self, label: Tensor) -> Tensor:
        """Return the vectors (N, size)."""
        return normalized(self.scale * self.table(label) + self.bias)


class LabelMapping(nn.Module):
    """Labels (N,) to vectors (N, size): a normalized embedding, then `layers` as those of `StyleMapping`."""

    def __init__(self, num_classes: int, size: int, layers: int = 8, learning_rate_multiplier: float = 0.01) -> None:
        super().__init__()
        require_positive(mapping_layers=layers)
        self.embedding = NormalizedEmbedding(num_classes, size)
        self.layers = slow_layers(size, size, layers, learning_rate_multiplier)

    def forward(self, label: Tensor) -> Tensor:
        """Return the vectors (N, size)."""
        return through(self.layers, self.embedding(label))


class StyleMapping(nn.Module):
    """Noise (N, latent) to styles (N, style): normalized, then `layers` linear layers with leaky ReLUs.

    With `num_classes`, a normalized embedding of the label, as large as a style, is appended to the noise. The layers
    learn more slowly by the factor `learning_rate_multiplier`. ``mean`` is the moving average of the styles, of all
    labels, of which truncation makes use. Raises ValueError for sizes below 1.
    """

    mean: Tensor

    def __init__(
        self,
        latent: int,
        style: int,
        layers: int = 8,
        learning_rate_multiplier: float = 0.01,
        num_classes: int | None = None,
    ) -> None:
        super().__init__()
        require_positive(latent=latent, style=style, mapping_layers=layers)
        self.embedding = None if num_classes is None else NormalizedEmbedding(num_classes, style)
        inputs = latent if num_classes is None else latent + style
        self.layers = slow_layers(inputs, style, layers, learning_rate_multiplier)
        self.register_buffer("mean", torch.zeros(style))

    def forward(self, noise: Tensor, label: Tensor | None = None) -> Tensor:
        """Return styles (N, style) from noise (N, latent), and labels (N,) if there is an embedding of them."""
        vectors = normalized(noise)
        if self.embedding is not None:
            vectors = torch.cat([vectors, self.embedding(label)], dim=1)
        return through(self.layers, vectors)

    @torch.no_grad()
    def follow(self, styles: Tensor, parts: int = 1) -> None:
        """Move the mean towards that of styles (N, style) of all ranks, of one of ``parts`` parts of a batch."""
        self.mean.copy_(collectives.mean(styles.mean(0)).to(self.mean).lerp(self.mean, DECAY ** (1 / parts)))

    def truncated(self, styles: Tensor, share: float | Tensor) -> Tensor:
        """Return styles (N, …, style) at a share of their distance from the mean (arXiv 1812.04948, appendix B)."""
        return self.mean + share * (styles - self.mean)


def normalized(vectors: Tensor) -> Tensor:
    """Return vectors (N, size) divided by their root mean square."""
    return vectors * (vectors.square().mean(1, keepdim=True) + EPSILON).rsqrt()


def slow_layers(inputs: int, outputs: int, layers: int, learning_rate_multiplier: float) -> nn.ModuleList:
    """Return linear layers, the first of vectors (N, inputs), all to (N, outputs), of an equalized learning rate."""
    widths = [inputs, *[outputs] * (layers - 1)]
    return nn.ModuleList(
        equalized(nn.Linear(width, outputs), gain=1.0, learning_rate_multiplier=learning_rate_multiplier)
        for width in widths
    )


def through(layers: nn.ModuleList, vectors: Tensor) -> Tensor:
    """Return what layers with leaky ReLUs, one after the other, make of vectors (N, size)."""
    for layer in layers:
        vectors = activated(layer(vectors))
    return vectors


def mixed(styles: Tensor, others: Tensor, crossover: Tensor, layers: int) -> Tensor:
    """Return mixed styles of each layer (N, layers, style), from two styles (N, style) of each image.

    Before layer `crossover` () they are those of `styles`, from there on those of `others`: the mixing regularization
    of arXiv 1812.04948, section 3.1.
    """
    is_first = torch.arange(layers, device=styles.device) < crossover
    return torch.where(is_first[:, None], styles[:, None], others[:, None])
