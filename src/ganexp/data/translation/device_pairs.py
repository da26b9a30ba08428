"""Training pairs on a device: cropped and mirrored there by indexing."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from ganexp.data.device import OnDevice
from ganexp.data.order import IndexedBatch
from ganexp.data.translation.augmentation import CropAndFlip
from ganexp.data.translation.pairs import ImagePairs


class DevicePairs(Dataset[dict[str, Tensor]]):
    """The batches of `TrainingPairs`, made on a device from copies of the pairs' stores, indexed by `DeviceBatches`.

    The random draws are those of `TrainingPairs`. Where images are cropped or mirrored, the device receives the rows
    and columns of a batch in one copy.
    """

    def __init__(self, pairs: ImagePairs, copies: Sequence[OnDevice], augment: CropAndFlip) -> None:
        self.pairs = pairs
        self.copies = copies
        self.augment = augment
        self.side = copies[0].dataset.images.shape[-1]

    def __getitems__(self, batch: IndexedBatch) -> dict[str, Tensor]:
        """Return one batch {"input": (B, C, S, S), "image": (B, C, S, S)} of uint8."""
        inputs, images = self.pairs.combined(self._crops(batch))
        return {"input": inputs, "image": images}

    def _crops(self, batch: IndexedBatch) -> list[Tensor]:
        """Return the cropped items of each store."""
        chosen = list(zip(self.copies, batch.indices, strict=True))
        if not self.augment.changes(self.side):
            return [copy.images.index_select(0, indices) for copy, indices in chosen]
        pixels = [self.augment.pixels(self.side, batch.positions, purpose) for purpose in self.pairs.purposes]
        # The host need not wait: CUDA has read pageable memory when the call returns.
        moved = torch.from_numpy(np.stack(pixels)).to(self.copies[0].device, non_blocking=True)
        return [cropped(copy.images, indices, moved[number]) for number, (copy, indices) in enumerate(chosen)]


def cropped(images: Tensor, indices: Tensor, pixels: Tensor) -> Tensor:
    """Return crops (B, C, S, S) of images (N, C, H, W) by indices (B,) and by rows and columns (B, 2, S)."""
    channels = torch.arange(images.shape[1], device=images.device)
    rows, columns = pixels[:, 0, None, :, None], pixels[:, 1, None, None, :]
    return images[indices[:, None, None, None], channels[None, :, None, None], rows, columns]
