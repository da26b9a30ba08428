"""Interpolation of label embeddings in conditional generators."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from ganexp.errors import UserError


def label_embeddings(generator: nn.Module, num_classes: int) -> list[nn.Embedding]:
    """Return the embedding tables of a generator's label: those with ``num_classes`` rows."""
    return [
        module
        for module in generator.modules()
        if isinstance(module, nn.Embedding) and module.num_embeddings == num_classes
    ]


@contextmanager
def mixed_labels(generator: nn.Module, mixture: Tensor) -> Iterator[Tensor]:
    """Replace a generator's label embeddings by their weighted means, with the weights mixture (N, num_classes).

    The rows of the mixture sum to 1; a one-hot row gives the same image as that label. Yields labels (N,) to call the
    generator with. Raises UserError for a generator without an nn.Embedding of its label.
    """
    tables = label_embeddings(generator, mixture.shape[1])
    if not tables:
        raise UserError("this generator has no embedding of its label, so labels cannot be interpolated")

    def mix(table: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> Tensor:
        weight: Tensor = table.weight  # type: ignore[assignment]
        return mixture.to(weight) @ weight

    hooks = [table.register_forward_hook(mix) for table in tables]
    try:
        yield torch.zeros(len(mixture), dtype=torch.int64)
    finally:
        for hook in hooks:
            hook.remove()
