"""Interpolation of label embeddings in conditional generators."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from ganexp.errors import UserError


def label_embeddings(generator: nn.Module, num_classes: int) -> list[nn.Embedding]:
    """Return the tables through which a generator reads its label: those of ``num_classes`` rows."""
    return [
        module
        for module in generator.modules()
        if isinstance(module, nn.Embedding) and module.num_embeddings == num_classes
    ]


@contextmanager
def mixed_labels(generator: nn.Module, mixture: Tensor) -> Iterator[Tensor]:
    """Let the generator read means of its label embeddings, with the weights of mixture (N, num_classes).

    The rows of the mixture sum to 1; a row of one class draws exactly what that label draws. Yields labels (N,) to call
    it with. Raises UserError for a generator that does not read its label through an nn.Embedding.
    """
    tables = label_embeddings(generator, mixture.shape[1])
    if not tables:
        raise UserError("this generator does not read its label through an embedding, so that labels cannot be mixed")

    def mix(table: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> Tensor:
        weight: Tensor = table.weight  # type: ignore[assignment]
        return mixture.to(weight) @ weight

    hooks = [table.register_forward_hook(mix) for table in tables]
    try:
        yield torch.zeros(len(mixture), dtype=torch.int64)
    finally:
        for hook in hooks:
            hook.remove()
