"""The projection discriminator's last layer (arXiv 1802.05637)."""

from collections.abc import Callable

from torch import Tensor, nn
from torch.nn.functional import one_hot

from ganexp.layers.normalization import Layer


class Projection(nn.Module):
    """Features (N, size) and labels (N,) to logits (N,): y^T V h + psi(h), psi linear (arXiv 1802.05637, eq. 4).

    `prepare` initializes and normalizes V and psi.
    """

    def __init__(self, size: int, num_classes: int, prepare: Callable[[Layer], nn.Module]) -> None:
        super().__init__()
        self.num_classes = num_classes
        self.logit = prepare(nn.Linear(size, 1))
        # The embedding as a linear map of the one-hot label, as in the equation: a layer like any other to `prepare`.
        self.embedding = prepare(nn.Linear(num_classes, size, bias=False))

    def forward(self, features: Tensor, label: Tensor) -> Tensor:
        """Return logits (N,) from features (N, size) and labels (N,) in [0, num_classes)."""
        embedded = self.embedding(one_hot(label, self.num_classes).to(features.dtype))
        return self.logit(features).squeeze(1) + (embedded * features).sum(1)
