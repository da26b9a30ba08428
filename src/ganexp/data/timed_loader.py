"""Data loaders that measure how long their batches are waited for."""

import time
from collections.abc import Callable, Iterator
from typing import Any

from torch.utils.data import DataLoader


class TimedLoader(DataLoader[Any]):
    """A data loader whose `waited_seconds` is the time that its iterators' `next` took so far.

    With workers, that is the time for which no batch was ready; without, the time to read the batches.
    """

    waited_seconds = 0.0
    finish: Callable[[Any], Any] | None = None
    """Completes each batch in this process, for which it is waited as well."""

    def __iter__(self) -> Iterator[Any]:  # type: ignore[override]
        return _TimedBatches(self, super().__iter__())


class _TimedBatches:
    def __init__(self, loader: TimedLoader, batches: Iterator[Any]) -> None:
        self.loader = loader
        self.batches = batches

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        started = time.perf_counter()
        try:
            batch = next(self.batches)
            return batch if self.loader.finish is None else self.loader.finish(batch)
        finally:
            self.loader.waited_seconds += time.perf_counter() - started
