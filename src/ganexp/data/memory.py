"""In-memory data set: batches by indexing."""

import hashlib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from ganexp.data.arrays import as_label, as_picture
from ganexp.data.decoding import Decodes
from ganexp.data.machine import available_cpus
from ganexp.data.pictures import Pictures, has_attributes, labels_of, name_of
from ganexp.data.unreadable import unreadable
from ganexp.terminal.progress import progress

CHUNK = 64


class InMemory(Dataset[dict[str, Tensor]]):
    """Images (N, C, H, W), uint8 or float32 in [-1, 1], or points float32 (N, C, 1, 1), with labels int64 (N,) or none.

    Labels may also be attributes, int8 (N, A) of 0 and 1.

    An item is {"image": (C, H, W), "label": ()}; `__getitems__` returns a batch,
    {"image": (B, C, H, W), "label": (B,)}. Without labels, there is no "label".
    """

    def __init__(self, images: Tensor, labels: Tensor | None = None) -> None:
        if labels is not None and len(labels) != len(images):
            raise ValueError(f"{len(images)} images but {len(labels)} labels")
        self.images = images
        self.labels = labels

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> dict[str, Tensor]:
        item = {"image": self.images[index]}
        if self.labels is not None:
            item["label"] = self.labels[index]
        return item

    def checksum(self) -> str:
        """Return a checksum of all images and labels."""
        digest = hashlib.blake2b(f"{tuple(self.images.shape)} {self.images.dtype}".encode(), digest_size=16)
        digest.update(np.ascontiguousarray(self.images.numpy()).data)
        if self.labels is not None:
            digest.update(np.ascontiguousarray(self.labels.numpy()).data)
        return digest.hexdigest()

    def __getitems__(self, indices: Sequence[int]) -> dict[str, Tensor]:
        """Return one batch."""
        # NumPy copies rows on this thread, 0.05 ms for 128 images of 3x32x32; torch's parallel kernel took 8 ms while
        # other programs occupied the processors.
        chosen = np.asarray(indices)
        batch = {"image": torch.from_numpy(self.images.numpy()[chosen])}
        if self.labels is not None:
            batch["label"] = torch.from_numpy(self.labels.numpy()[chosen])
        return batch


def decoded(pictures: Pictures, decoder: Decodes, labelled: bool) -> tuple[InMemory, set[tuple[int, int]]]:
    """Return all pictures decoded, and the set of their sizes (width, height) before resizing.

    Raises UnreadableError, a UserError with the pictures' names, if any are unreadable.
    """
    total = len(pictures)
    images = torch.empty(total, decoder.channels, *decoder.image_size, dtype=decoder.dtype)
    labels = empty_labels(pictures)
    sizes: set[tuple[int, int]] = set()
    failures: list[tuple[str, Exception]] = []

    def decode(first: int) -> tuple[int, set[tuple[int, int]], list[tuple[str, Exception]]]:
        seen: set[tuple[int, int]] = set()
        failed: list[tuple[str, Exception]] = []
        indices = range(first, min(first + CHUNK, total))
        for index in indices:
            try:
                item, label = pictures[index]
                picture = as_picture(item)
                seen.add(picture.size)
                images[index] = decoder(picture)
                labels[index] = as_label(label)
            except Exception as error:  # a broken file makes Pillow raise nearly anything
                failed.append((name_of(pictures, index), error))
        return len(indices), seen, failed

    with (
        ThreadPoolExecutor(available_cpus()) as pool,
        progress("decoding images", total) as advance,
    ):
        for count, seen, failed in pool.map(decode, range(0, total, CHUNK)):
            advance(count)
            sizes |= seen
            failures += failed
    if failures:
        raise unreadable(failures, total)
    return InMemory(images, labels if labelled else None), sizes


def empty_labels(pictures: Pictures) -> Tensor:
    """Return zeros for the labels of all pictures: int64 (N,) for classes, int8 (N, A) for attributes."""
    attributes = labels_of(pictures) if has_attributes(pictures) else None
    if attributes is None:
        return torch.zeros(len(pictures), dtype=torch.int64)
    return torch.zeros(attributes.shape, dtype=torch.int8)
