"""Data left on disk: decoded when a batch asks for it."""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.utils.data import Dataset

from ganexp.data.decoding import Decoder
from ganexp.data.pictures import Pictures, name_of
from ganexp.data.unreadable import unreadable


class OnDisk(Dataset[dict[str, Tensor]]):
    """Pictures decoded one by one; items and batches are those of `InMemory` over the same pictures.

    Reading an item raises UnreadableError, a UserError that names the picture, if it cannot be read.
    """

    def __init__(self, pictures: Pictures, decoder: Decoder, labelled: bool) -> None:
        self.pictures = pictures
        self.decoder = decoder
        self.labelled = labelled

    def __len__(self) -> int:
        return len(self.pictures)

    def __getitem__(self, index: int) -> dict[str, Tensor]:
        try:
            picture, label = self.pictures[index]
            item = {"image": self.decoder(picture)}
        except Exception as error:  # a broken file makes Pillow raise nearly anything
            raise unreadable([(name_of(self.pictures, index), error)], len(self)) from error
        if self.labelled:
            item["label"] = torch.tensor(int(label))
        return item

    def __getitems__(self, indices: Sequence[int]) -> dict[str, Tensor]:
        """Return one batch."""
        items = [self[index] for index in indices]
        return {key: torch.stack([item[key] for item in items]) for key in items[0]}
