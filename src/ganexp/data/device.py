"""On-device data set: batches by indexing there."""

from functools import cached_property

import torch
from torch import Tensor
from torch.utils.data import Dataset

from ganexp.data.memory import InMemory
from ganexp.data.order import IndexedBatch


class OnDevice(Dataset[dict[str, Tensor]]):
    """Copy of an `InMemory` data set on a device, with the same batches there, indexed by `DeviceBatches`.

    It is made at the first batch, and at the first batch after `release`.
    """

    def __init__(self, dataset: InMemory, device: torch.device) -> None:
        self.dataset = dataset
        self.device = device

    def __len__(self) -> int:
        return len(self.dataset)

    @cached_property
    def images(self) -> Tensor:
        """The images on the device, (N, C, H, W) of the data set's type."""
        return self.dataset.images.to(self.device)

    @cached_property
    def labels(self) -> Tensor | None:
        """The labels on the device, int64 (N,), or None."""
        return None if self.dataset.labels is None else self.dataset.labels.to(self.device)

    def release(self) -> None:
        """Free the device's memory; a loader that is still there could not be freed otherwise."""
        for name in ("images", "labels"):
            self.__dict__.pop(name, None)

    def __getitems__(self, batch: IndexedBatch) -> dict[str, Tensor]:
        """Return one batch, {"image": (B, C, H, W), "label": (B,)}; without labels, there is no "label"."""
        (indices,) = batch.indices
        items = {"image": self.images.index_select(0, indices)}
        if self.labels is not None:
            items["label"] = self.labels.index_select(0, indices)
        return items
