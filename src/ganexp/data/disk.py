"""On-disk data set: pictures decoded on demand."""

import hashlib
import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import torch
from torch import Tensor
from torch.utils.data import Dataset

from ganexp.data.arrays import as_label, as_picture
from ganexp.data.decoding import Decodes
from ganexp.data.pictures import Pictures, name_of, version_of
from ganexp.data.streaming.connection import ConnectionLost
from ganexp.data.unreadable import unreadable


class OnDisk(Dataset[dict[str, Tensor]]):
    """Pictures decoded on access, with the same items and batches as `InMemory`.

    Reading an item raises UnreadableError, a UserError with the picture's name, if it is unreadable.
    """

    draws = True
    """Whether reading an item may draw random numbers, as a user's own transform does."""

    def __init__(self, pictures: Pictures, decoder: Decodes, labelled: bool) -> None:
        self.pictures = pictures
        self.decoder = decoder
        self.labelled = labelled

    def __len__(self) -> int:
        return len(self.pictures)

    def __getitem__(self, index: int) -> dict[str, Tensor]:
        with self.naming(index):
            picture, label = self.pictures[index]
            item = {"image": self.decoder(as_picture(picture))}
        if self.labelled:
            item["label"] = as_label(label)
        return item

    @contextmanager
    def naming(self, index: int) -> Iterator[None]:
        """Raise UnreadableError with the name of a picture for whatever is raised while it is read."""
        try:
            yield
        except ConnectionLost:
            raise
        except Exception as error:  # a broken file makes Pillow raise nearly anything
            raise unreadable([(name_of(self.pictures, index), error)], len(self)) from error

    def checksum(self) -> str:
        """Return a checksum of the pictures' names, sizes and modification times, and of the decoder's settings.

        Hashing the contents of millions of pictures would take longer than training on them.
        """
        digest = hashlib.blake2b(digest_size=16)
        digest.update(f"{self.decoder.settings} {self.labelled}".encode())
        digest.update(version_of(self.pictures).encode())
        for index in range(len(self)):
            name = name_of(self.pictures, index)
            digest.update(f"{name}\n".encode())
            state = _file_state(name)
            if state is not None:
                digest.update(f"{state.st_size} {state.st_mtime_ns}\n".encode())
        return digest.hexdigest()

    def __getitems__(self, indices: Sequence[int]) -> dict[str, Tensor]:
        """Return one batch."""
        return self.batched([self[index] for index in indices])

    def batched(self, items: Sequence[dict[str, Tensor]]) -> dict[str, Tensor]:
        """Return items of the set as one batch."""
        return batched(items)


def _file_state(name: str) -> os.stat_result | None:
    """Return the state of a file, None for names of anything else."""
    # One call: a million files are asked before the first score.
    try:
        state = Path(name).stat()
    except (OSError, ValueError):
        return None
    return state if stat.S_ISREG(state.st_mode) else None


def batched(items: Sequence[dict[str, Tensor]]) -> dict[str, Tensor]:
    """Return the items stacked into one batch."""
    return {key: torch.stack([item[key] for item in items]) for key in items[0]}
