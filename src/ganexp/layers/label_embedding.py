"""Embedding of labels: of a class, or the sum over the attributes that an image has."""

from torch import Tensor, nn


class LabelEmbedding(nn.Embedding):
    """Labels to vectors: class numbers (N,) to rows of the table, attributes (N, A) of 0 and 1 to sums of rows."""

    def forward(self, label: Tensor) -> Tensor:
        """Return the vectors (N, size)."""
        return super().forward(label) if label.dim() == 1 else label.to(self.weight.dtype) @ self.weight
