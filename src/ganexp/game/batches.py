"""Batches of training data and their parts."""

from torch import Tensor

from ganexp.errors import UserError

Batch = dict[str, Tensor]
"""Rows (N, …) by name, such as "image" and "label"."""


def rows_of(batch: Batch, number: int, batches: int) -> Batch:
    """Return the rows of one of several batches whose rows alternate."""
    if batches == 1:
        return batch
    return {key: tensor[number::batches].contiguous() for key, tensor in batch.items()}


def split(batch: Batch, parts: int) -> list[Batch]:
    """Return the batch in equal parts for gradient accumulation; raises UserError where there are none."""
    n = len(batch["image"])
    if n % parts:
        raise UserError(f"model.accumulate={parts} does not divide the {n} images that a rank gets of each batch")
    pieces = {key: tensor.split(n // parts) for key, tensor in batch.items()}
    return [{key: tensors[i] for key, tensors in pieces.items()} for i in range(parts)]
