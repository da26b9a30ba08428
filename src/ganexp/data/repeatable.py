"""Reproducible reading of data sets whose user code draws random numbers."""

from collections.abc import Sequence

from torch import Tensor
from torch.utils.data import Dataset

from ganexp.data.disk import OnDisk
from ganexp.numerics.randomness import derived_seed, seed_globals


class Repeatable(Dataset[dict[str, Tensor]]):
    """Batches of an on-disk data set, indexed by `NumberedBatches`.

    Before each item, the global generators of Python, NumPy and torch are seeded by (seed, position in the sequence),
    so that a user's own random transform depends neither on workers, nor on the number of ranks, nor on where a run
    was resumed.
    """

    def __init__(self, dataset: OnDisk, seed: int) -> None:
        self.dataset = dataset
        self.seed = seed

    def __getitems__(self, numbered: Sequence[tuple[int, ...]]) -> dict[str, Tensor]:
        """Return one batch."""
        if not self.dataset.draws:
            return self.dataset.__getitems__([index for _, index in numbered])
        return self.dataset.batched([self._read(position, index) for position, index in numbered])

    def _read(self, position: int, index: int) -> dict[str, Tensor]:
        seed_globals(derived_seed(self.seed, "item", position))
        return self.dataset[index]
