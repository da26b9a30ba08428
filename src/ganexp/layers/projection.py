"""Projection discriminator head (arXiv 1802.05637)."""

from collections.abc import Callable

from torch import Tensor, nn
from torch.nn.functional import one_hot

from ganexp.layers.normalization import Layer


class Projection(nn.Module):
    """Features (N, size) and labels (N,) to logits (N,): y^T V h + psi(h), psi linear (arXiv 1802.05637, eq. 4).

    `init_and_normalize` is applied to V and psi.
    """

    def __init__(self, size: int, num_classes: int, init_and_normalize: Callable[[Layer], nn.Module]) -> None:
        super().__init__()
        self.num_classes = num_classes
        self.logit = init_and_normalize(nn.Linear(size, 1))
        # A linear map of the one-hot label, as in the equation: initialized and normalized like any other layer.
        self.embedding = init_and_normalize(nn.Linear(num_classes, size, bias=False))

    def forward(self, features: Tensor, label: Tensor) -> Tensor:
        """Return logits (N,) from features (N, size) and labels (N,) in [0, num_classes), or attributes (N, A)."""
        indicators = one_hot(label, self.num_classes) if label.dim() == 1 else label
        embedded = self.embedding(indicators.to(features.dtype))
        output: Tensor = self.logit(features).squeeze(1) + (embedded * features).sum(1)
        return output
