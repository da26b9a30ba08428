"""The order of the training data: endless batch samplers that are pure functions of (seed, number)."""

from collections.abc import Callable, Iterator

import torch
from torch.utils.data import Sampler

from ganexp.errors import UserError
from ganexp.numerics.randomness import generator


class GlobalBatches(Sampler[list[int]]):
    """Endless batches of indices, of which this rank gets its own contiguous part.

    Batch number b of epoch e = b // (size // batch_size) is a slice of the permutation drawn from
    (seed, purpose, e), so that a resumed run and a run over another number of ranks see the same data.
    The size % batch_size images left over at an epoch's end are others in every epoch.

    `batch_size` counts the images of all ranks together. `start` is asked for the number of batches already
    trained on each time an iteration begins. Each item is a list of batch_size // world_size indices.

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
    ) -> None:
        if batch_size < 1:
            raise UserError(f"data.batch_size={batch_size}: a batch needs at least one image.")
        if batch_size > size:
            raise UserError(
                f"data.batch_size={batch_size} is more than the {size} images there are: "
                f"data.batch_size={size} or less."
            )
        if batch_size % world_size != 0:
            nearest = max(batch_size // world_size, 1) * world_size
            raise UserError(
                f"data.batch_size={batch_size} counts the images of all {world_size} processes together and "
                f"is not divisible by {world_size}: for example data.batch_size={nearest}."
            )
        self.size = size
        self.batch_size = batch_size
        self.seed = seed
        self.start = start
        self.rank = rank
        self.world_size = world_size
        self.purpose = purpose

    def __iter__(self) -> Iterator[list[int]]:
        """Yield this rank's part of batch start(), start() + 1, … without end."""
        per_epoch = self.size // self.batch_size
        part = self.batch_size // self.world_size
        epoch, number = divmod(self.start(), per_epoch)
        while True:
            order = torch.randperm(self.size, generator=generator(self.seed, self.purpose, epoch))
            for batch in range(number, per_epoch):
                first = batch * self.batch_size + self.rank * part
                yield order[first : first + part].tolist()
            epoch, number = epoch + 1, 0


class NumberedBatches(Sampler[list[tuple[int, ...]]]):
    """Batches of (position, index, …): an index from each of several orders, and the sample's number in the sequence.

    The position counts the samples of all ranks since batch 0, so that what is drawn from it, such as an
    augmentation, depends neither on the number of ranks nor on where a run was resumed. All orders have the same
    batch size, ranks and start.
    """

    def __init__(self, *orders: GlobalBatches) -> None:
        self.orders = orders

    def __iter__(self) -> Iterator[list[tuple[int, ...]]]:
        """Yield this rank's part of batch start(), start() + 1, … without end."""
        order = self.orders[0]
        part = order.batch_size // order.world_size
        first = order.start() * order.batch_size + order.rank * part
        for indices in zip(*self.orders, strict=True):
            yield list(zip(range(first, first + part), *indices, strict=True))
            first += order.batch_size
