"""Batches of a packed set whose images are stored as they are trained on."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from ganexp.data.arrays import as_picture
from ganexp.data.decoding import Decoder, Decodes
from ganexp.data.disk import OnDisk
from ganexp.data.packed.pictures import PackedPictures
from ganexp.data.pictures import Pictures
from ganexp.data.unreadable import unreadable


class PackedOnDisk(OnDisk):
    """The items and batches of `OnDisk`, a batch at a time and without decoding."""

    draws = False
    pictures: PackedPictures

    def __getitem__(self, index: int) -> dict[str, Tensor]:
        batch = self.__getitems__([index])
        return {key: values[0] for key, values in batch.items()}

    def __getitems__(self, indices: Sequence[int]) -> dict[str, Tensor]:
        """Return one batch."""
        try:
            pixels = self.pictures.read(indices)
        except (OSError, ValueError) as error:
            raise unreadable([(str(self.pictures.folder), error)], len(self)) from error
        stored = torch.from_numpy(pixels).permute(0, 3, 1, 2)
        # contiguous() keeps the strides of a single channel, by which convolutions choose the order of their sums.
        batch = {"image": torch.empty(stored.shape, dtype=stored.dtype).copy_(stored)}
        if self.labelled and self.pictures.labels is not None:
            batch["label"] = torch.from_numpy(self.pictures.labels[np.asarray(indices)])
        return batch


def on_disk(pictures: Pictures, decoder: Decodes, labelled: bool) -> OnDisk:
    """Return pictures that are left on disk, without decoding where the decoder changes nothing."""
    if isinstance(pictures, PackedPictures) and isinstance(decoder, Decoder) and _unchanged(pictures, decoder):
        return PackedOnDisk(pictures, decoder, labelled)
    return OnDisk(pictures, decoder, labelled)


def _unchanged(pictures: PackedPictures, decoder: Decoder) -> bool:
    if decoder.value_range != pictures.value_range:
        return False
    # All images have one size and one number of channels, so that one of them answers for all.
    (stored,) = pictures.read([0])
    picture, _ = pictures[0]
    return torch.equal(decoder(as_picture(picture)), torch.from_numpy(stored).permute(2, 0, 1))
