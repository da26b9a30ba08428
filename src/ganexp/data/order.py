"""Order of the training data: endless batch samplers that are pure functions of (seed, batch number)."""

from collections.abc import Callable, Iterator, Sequence
from itertools import count
from typing import NamedTuple

import torch
from torch import Tensor
from torch.utils.data import Sampler

from ganexp.data.epoch_order import EpochOrder, Shuffled
from ganexp.errors import UserError
from ganexp.numerics.randomness import CPU, generator


class GlobalBatches(Sampler[list[int]]):
    """Endless batches of indices, each divided contiguously among the ranks.

    Batch number b, in epoch e = b // (size // batch_size) is a slice of the epoch's order, by default a permutation,
    drawn from (seed, purpose, e), so that a resumed run and a run on a different number of ranks see the same data.
    The size % batch_size images left over at the end of an epoch differ between epochs.

    `batch_size` counts the images of all ranks together. `start` returns the number of batches already trained on;
    it is called whenever an iteration starts. Each item is a list of batch_size // world_size indices.

    Raises UserError if batch_size is below 1, above size, or not divisible by world_size.
    """

    def __init__(
        self,
        size: int,
        batch_size: int,
        seed: int,
        start: Callable[[], int],
        rank: int = 0,
        world_size: int = 1,
        purpose: str = "order",
        order: EpochOrder | None = None,
    ) -> None:
        if batch_size < 1:
            raise UserError(f"data.batch_size={batch_size}: give at least one image per batch.")
        if batch_size > size:
            raise UserError(
                f"data.batch_size={batch_size} is more than the {size} images there are: "
                f"data.batch_size={size}{' or less' if size > 1 else ''}."
            )
        if batch_size % world_size != 0:
            nearest = max(batch_size // world_size, 1) * world_size
            raise UserError(
                f"data.batch_size={batch_size} counts the images of all {world_size} processes together and "
                f"is not divisible by {world_size}; try data.batch_size={nearest}."
            )
        self.size = size
        self.batch_size = batch_size
        self.seed = seed
        self.start = start
        self.rank = rank
        self.world_size = world_size
        self.purpose = purpose
        self.order = Shuffled(size) if order is None else order

    def __iter__(self) -> Iterator[list[int]]:
        """Yield this rank's part of batch start(), start() + 1, … without end."""
        for indices in self.tensors(CPU):
            yield indices.tolist()

    def tensors(self, device: torch.device) -> Iterator[Tensor]:
        """Yield the same batches as tensors int64 (batch_size // world_size,) on a device.

        The device receives the order of an epoch at once, so that no batch waits for a copy.
        """
        per_epoch = self.size // self.batch_size
        part = self.batch_size // self.world_size
        epoch, number = divmod(self.start(), per_epoch)
        while True:
            order = self.order(generator(self.seed, self.purpose, epoch))
            # The host need not wait: CUDA has read pageable memory when the call returns.
            order = order.to(device, non_blocking=True)
            for batch in range(number, per_epoch):
                first = batch * self.batch_size + self.rank * part
                yield order[first : first + part]
            epoch, number = epoch + 1, 0

    def positions(self) -> Iterator[range]:
        """Yield the positions of the same batches' samples in the sequence.

        The position counts the samples of all ranks since batch 0.
        """
        part = self.batch_size // self.world_size
        for batch in count(self.start()):
            first = batch * self.batch_size + self.rank * part
            yield range(first, first + part)


class NumberedBatches(Sampler[list[tuple[int, ...]]]):
    """Batches of (position, index, …): the sample's position in the sequence and an index from each of several orders.

    The position counts the samples of all ranks since batch 0, so that random draws keyed by it, such as an
    augmentation, depend neither on the number of ranks nor on where a run was resumed. All orders have the same
    batch size, ranks and start.
    """

    def __init__(self, *orders: GlobalBatches) -> None:
        self.orders = orders

    def __iter__(self) -> Iterator[list[tuple[int, ...]]]:
        """Yield this rank's part of batch start(), start() + 1, … without end."""
        for positions, *indices in zip(self.orders[0].positions(), *self.orders, strict=True):
            yield list(zip(positions, *indices, strict=True))


def split_numbered(
    batch: Sequence[tuple[int, ...]], position: int
) -> tuple[Sequence[tuple[int, ...]] | None, Sequence[tuple[int, ...]] | None]:
    """Return the samples of a batch of `NumberedBatches` before a position and from it on, None for no samples."""
    before = _number_before(batch[0][0], len(batch), position)
    return batch[:before] or None, batch[before:] or None


class IndexedBatch(NamedTuple):
    """Positions of a batch's samples in the sequence, and their indices (B,) in each order, on a device."""

    positions: range
    indices: tuple[Tensor, ...]


class DeviceBatches(Sampler[IndexedBatch]):
    """Batches of `NumberedBatches` whose indices are tensors on a device."""

    def __init__(self, device: torch.device, *orders: GlobalBatches) -> None:
        self.device = device
        self.orders = orders

    def __iter__(self) -> Iterator[IndexedBatch]:
        """Yield this rank's part of batch start(), start() + 1, … without end."""
        indices = zip(*(order.tensors(self.device) for order in self.orders), strict=True)
        for positions, batch in zip(self.orders[0].positions(), indices, strict=True):
            yield IndexedBatch(positions, batch)


def split_indexed(batch: IndexedBatch, position: int) -> tuple[IndexedBatch | None, IndexedBatch | None]:
    """Return the samples of a batch of `DeviceBatches` before a position and from it on, None for no samples."""
    before = _number_before(batch.positions.start, len(batch.positions), position)
    parts = (
        IndexedBatch(batch.positions[part], tuple(indices[part] for indices in batch.indices))
        for part in (slice(before), slice(before, None))
    )
    first, rest = (part if part.positions else None for part in parts)
    return first, rest


def _number_before(first: int, number: int, position: int) -> int:
    """Return how many of consecutive positions, a number of them from the first on, are before a position."""
    return min(max(position - first, 0), number)
