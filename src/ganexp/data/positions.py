"""Positions of a batch's samples in the training sequence, from which random draws of its samples are made."""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.utils.data import Dataset

from ganexp.data.device import OnDevice
from ganexp.data.memory import InMemory
from ganexp.data.order import IndexedBatch
from ganexp.data.repeatable import Repeatable

POSITION = "position"


class WithPositions(Dataset[dict[str, Tensor]]):
    """Batches of a data set, indexed by `NumberedBatches`, with the samples' positions as "position", int64 (B,)."""

    def __init__(self, dataset: InMemory | Repeatable) -> None:
        self.dataset = dataset

    def __getitems__(self, numbered: Sequence[tuple[int, ...]]) -> dict[str, Tensor]:
        """Return one batch."""
        positions = [position for position, _ in numbered]
        if isinstance(self.dataset, InMemory):
            batch = self.dataset.__getitems__([index for _, index in numbered])
        else:
            batch = self.dataset.__getitems__(numbered)
        return {**batch, POSITION: torch.tensor(positions)}


class OnDeviceWithPositions(Dataset[dict[str, Tensor]]):
    """The same batches of a copy on a device, indexed by `DeviceBatches`."""

    def __init__(self, dataset: OnDevice) -> None:
        self.dataset = dataset

    def __getitems__(self, batch: IndexedBatch) -> dict[str, Tensor]:
        """Return one batch."""
        first, end = batch.positions.start, batch.positions.stop
        return {**self.dataset.__getitems__(batch), POSITION: torch.arange(first, end, device=self.dataset.device)}
