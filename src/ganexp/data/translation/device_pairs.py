"""Training pairs on a device: cropped and mirrored there by indexing."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from ganexp.data.device import OnDevice
from ganexp.data.order import IndexedBatch
from ganexp.data.translation.augmentation import CropAndFlip, size_of
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
        self.size = size_of(copies[0].dataset.images)

    def __getitems__(self, batch: IndexedBatch) -> dict[str, Tensor]:
        """Return one batch {"input": (B, C, H, W), "image": (B, C, H, W)} of uint8."""
        inputs, images = self.pairs.combined(self._crops(batch))
        return {"input": inputs, "image": images}

    def _crops(self, batch: IndexedBatch) -> list[Tensor]:
        """Return the cropped items of each store."""
        chosen = list(zip(self.copies, batch.indices, strict=True))
        if not self.augment.changes(self.size):
            return [copy.images.index_select(0, indices) for copy, indices in chosen]
        pixels = [self.augment.pixels(self.size, batch.positions, purpose) for purpose in self.pairs.purposes]
        # The host need not wait: CUDA has read pageable memory when the call returns.
        moved = torch.from_numpy(np.stack(pixels)).to(self.copies[0].device, non_blocking=True)
        height = self.augment.image_size.height
        return [cropped(copy.images, indices, moved[number], height) for number, (copy, indices) in enumerate(chosen)]


def cropped(images: Tensor, indices: Tensor, pixels: Tensor, height: int) -> Tensor:
    """Return crops (B, C, h, w) of images (N, C, H, W) by indices (B,) and by rows, then columns (B, h + w)."""
    channels = torch.arange(images.shape[1], device=images.device)
    rows, columns = pixels[:, None, :height, None], pixels[:, None, None, height:]
    return images[indices[:, None, None, None], channels[None, :, None, None], rows, columns]
