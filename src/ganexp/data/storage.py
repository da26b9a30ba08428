"""Storage of pictures during training: decoded in memory, or on disk."""

import torch
from torch import Tensor

from ganexp.data.decoding import Decodes
from ganexp.data.disk import OnDisk
from ganexp.data.machine import available_cpus, machine_memory
from ganexp.data.memory import InMemory, decoded
from ganexp.data.packed.store import on_disk
from ganexp.data.pictures import Pictures, labels_of
from ganexp.errors import UserError

Store = InMemory | OnDisk
MAX_WORKERS = 8


def stored(
    pictures: Pictures,
    decoder: Decodes,
    labelled: bool,
    in_memory: bool | None,
    workers: int | None,
    processes: int,
) -> tuple[Store, str]:
    """Return the pictures ready to read, and a description of where they are stored and how they are resized.

    With `in_memory` None, they are decoded into memory if they take less than a quarter of the machine's memory,
    divided by the number of processes. Raises UnreadableError, a UserError with the pictures' names, if any cannot be
    decoded into memory.
    """
    size = len(pictures) * decoder.channels * decoder.image_size.pixels * decoder.dtype.itemsize
    fits = size < machine_memory() / 4 / processes if in_memory is None else in_memory
    if fits:
        dataset, sizes = decoded(pictures, decoder, labelled)
        return dataset, f"decoded into memory ({megabytes(size)}), {_resizing(decoder, sizes)}"
    left = on_disk(pictures, decoder, labelled)
    number = workers_for(left, workers, processes)
    return left, f"left on disk ({megabytes(size)} decoded), {number} workers, resize {decoder.resize_filter}"


def workers_for(store: Store, workers: int | None, processes: int) -> int:
    """Return the number of decoding processes: none for images in memory; by default one per processor, at most 8."""
    if isinstance(store, InMemory):
        return 0
    if workers is not None:
        return workers
    return min(MAX_WORKERS, max(1, available_cpus() // processes))


def labels_of_store(store: Store, where: str) -> Tensor:
    """Return the labels of all images, class numbers (N,) or attributes (N, A), without decoding any.

    Raises UserError for a source that does not have them.
    """
    if isinstance(store, InMemory):
        labels = store.labels
    else:
        numbers = labels_of(store.pictures)
        labels = None if numbers is None else torch.from_numpy(numbers)
    if labels is None:
        raise UserError(f"{where} has no `labels` of all images: data.balance and attributes need them")
    return labels


def _resizing(decoder: Decodes, sizes: set[tuple[int, int]]) -> str:
    height, width = decoder.image_size
    if sizes == {(width, height)}:
        return "not resized"
    if len(sizes) == 1:
        ((before, above),) = sizes
        old = f"{before}x{above}"
    else:
        old = f"{len(sizes):,} different sizes"
    order = "" if decoder.image_size.is_square else " (width x height)"
    return f"resize {decoder.resize_filter} {old} -> {width}x{height}{order}"


def megabytes(size: int) -> str:
    """Return a number of bytes as text in MB."""
    return f"{size / 1e6:,.1f} MB"
