"""The end of random crops at a position in training, after which images are whole."""

from collections.abc import Callable
from typing import Generic, Protocol, TypeVar

import torch
from torch import Tensor
from torch.utils.data import Dataset

Index = TypeVar("Index")
Index_contra = TypeVar("Index_contra", contravariant=True)
Split = Callable[[Index, int], tuple[Index | None, Index | None]]
"""Splits a batch's index at a position of the training sequence; None stands for an empty part."""


class Batches(Protocol[Index_contra]):
    """A data set that is read by batches."""

    def __getitems__(self, batch: Index_contra, /) -> dict[str, Tensor]:
        """Return one batch of tensors (B, …)."""
        ...


class JitterUntil(Dataset[dict[str, Tensor]], Generic[Index]):
    """Batches of `jittered` before the position `until` of the training sequence, and of `whole` from it on.

    Each sample is chosen by its own position, so a batch that contains `until` has samples of both, and neither the
    number of ranks nor a resumption changes any.
    """

    def __init__(self, jittered: Batches[Index], whole: Batches[Index], until: int, split: Split[Index]) -> None:
        self.jittered = jittered
        self.whole = whole
        self.until = until
        self.split = split

    def __getitems__(self, batch: Index) -> dict[str, Tensor]:
        """Return one batch {"input": (B, C, S, S), "image": (B, C, S, S)} of uint8."""
        before, after = self.split(batch, self.until)
        chosen = ((self.jittered, before), (self.whole, after))
        parts = [dataset.__getitems__(part) for dataset, part in chosen if part is not None]
        return parts[0] if len(parts) == 1 else {key: torch.cat([part[key] for part in parts]) for key in parts[0]}
