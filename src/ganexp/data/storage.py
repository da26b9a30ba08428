"""Where pictures are kept while training: decoded in memory, or on disk."""

from ganexp.data.decoding import Decodes
from ganexp.data.disk import OnDisk
from ganexp.data.memory import InMemory, available_cpus, decoded, machine_memory
from ganexp.data.pictures import Pictures

Store = InMemory | OnDisk
MOST_WORKERS = 8


def stored(
    pictures: Pictures,
    decoder: Decodes,
    labelled: bool,
    in_memory: bool | None,
    workers: int | None,
    processes: int,
) -> tuple[Store, str]:
    """Return the pictures ready to be read, and in words where they are and how they are resized.

    `in_memory` None keeps them decoded if they take less than a quarter of the machine's memory, shared by so many
    processes. Raises UnreadableError, a UserError that names the pictures, if any cannot be decoded into memory.
    """
    size = len(pictures) * decoder.channels * decoder.image_size**2
    keep = size < machine_memory() / 4 / processes if in_memory is None else in_memory
    if keep:
        held, sizes = decoded(pictures, decoder, labelled)
        return held, f"decoded into memory ({_megabytes(size)}), {_resizing(decoder, sizes)}"
    left = OnDisk(pictures, decoder, labelled)
    number = workers_for(left, workers, processes)
    return left, f"left on disk ({_megabytes(size)} decoded), {number} workers, resize {decoder.resize_filter}"


def workers_for(store: Store, workers: int | None, processes: int) -> int:
    """Return how many processes decode: none for images in memory; `workers` None is one a processor, at most 8."""
    if isinstance(store, InMemory):
        return 0
    if workers is not None:
        return workers
    return min(MOST_WORKERS, max(1, available_cpus() // processes))


def _resizing(decoder: Decodes, sizes: set[tuple[int, int]]) -> str:
    size = decoder.image_size
    if sizes == {(size, size)}:
        return "not resized"
    if len(sizes) == 1:
        ((width, height),) = sizes
        return f"resize {decoder.resize_filter} {width}x{height} -> {size}x{size}"
    return f"resize {decoder.resize_filter} {len(sizes):,} different sizes -> {size}x{size}"


def _megabytes(size: int) -> str:
    return f"{size / 1e6:,.1f} MB"
