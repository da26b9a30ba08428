"""Batches of a sampler, before which threads fetch what their pictures need."""

from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import NamedTuple

from torch.utils.data import Sampler

from ganexp.errors import UserError

Batch = Sequence[tuple[int, ...]]
"""Tuples whose last number is the index of a picture."""


class Prefetch(NamedTuple):
    """What is fetched of a set of pictures before they are due.

    ``part`` is the number of the part of the set that has a picture, ``fetch`` gets a part, in one of ``threads``
    threads, before the first picture that is in it and due within the next ``pictures``.
    """

    pictures: int
    threads: int
    part: Callable[[int], int]
    fetch: Callable[[int], object]


class PrefetchedBatches(Sampler[Batch]):
    """The same batches, before which parts of the data set are fetched; each stands for ``batch_size`` pictures.

    An iteration raises the UserError of a part that could not be fetched when its first picture is due. Errors of other
    kinds are left to whoever reads the picture, and so can say which one it is.
    """

    def __init__(self, batches: Iterable[Batch], batch_size: int, prefetch: Prefetch) -> None:
        self.batches = batches
        self.ahead = -(-prefetch.pictures // batch_size)
        self.prefetch = prefetch

    def __iter__(self) -> Iterator[Batch]:
        """Yield the batches; the threads start with the first one, when a loader has forked its workers."""
        batches = iter(self.batches)
        coming: deque[tuple[Batch, set[int]]] = deque()
        fetched: dict[int, Future[object]] = {}
        uses: Counter[int] = Counter()
        threads = ThreadPoolExecutor(self.prefetch.threads)
        try:
            while True:
                for batch in islice(batches, self.ahead + 1 - len(coming)):
                    parts = {self.prefetch.part(index) for *_, index in batch}
                    coming.append((batch, parts))
                    uses.update(parts)
                    for part in parts - fetched.keys():
                        fetched[part] = threads.submit(self.prefetch.fetch, part)
                if not coming:
                    return
                batch, parts = coming.popleft()
                for part in parts:
                    _require_fetched(fetched[part])
                    uses[part] -= 1
                    if not uses[part]:
                        del uses[part], fetched[part]
                yield batch
        finally:
            threads.shutdown(wait=False, cancel_futures=True)


def _require_fetched(part: Future[object]) -> None:
    error = part.exception() if part.done() else None
    if isinstance(error, UserError):
        raise error
