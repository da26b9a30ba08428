"""Data loaders, shared by all kinds of data."""

from collections.abc import Callable
from typing import Any

import lightning as L
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler

from ganexp.data.disk import OnDisk
from ganexp.data.epoch_order import EpochOrder
from ganexp.data.memory import InMemory
from ganexp.data.order import GlobalBatches, NumberedBatches
from ganexp.data.positions import WithPositions
from ganexp.data.repeatable import Repeatable
from ganexp.data.streaming.prefetch import PrefetchedBatches
from ganexp.data.timed_loader import TimedLoader
from ganexp.errors import UserError
from ganexp.numerics.randomness import BLOCK, blocks


def training_loader(
    dataset: InMemory | OnDisk,
    batch_size: int,
    seed: int,
    trainer: L.Trainer | None,
    workers: int = 0,
    positions: bool = False,
    epoch: EpochOrder | None = None,
    finish: Callable[[Any], Any] | None = None,
) -> DataLoader[dict[str, Tensor]]:
    """Return an endless loader of this rank's part of the global batches.

    It starts at the `batches_seen` of the trainer's module (in global batches), or at batch 0 without a trainer, and
    never draws from the global random generators. If a user's own code draws from them while reading from disk, the
    result is a function of (seed, position). Batches are {"image": (B, C, H, W)} with
    "label" (B,) where the data set has labels, B = batch_size // world size, and with "position" (B,) if
    `positions` is true. ``epoch`` draws the order of an epoch, by default a permutation.
    ``finish`` completes each batch in this process.

    Raises UserError if the batch size does not fit the data set or the number of ranks.
    """
    order = global_batches(len(dataset), batch_size, seed, trainer, epoch=epoch)
    read = Repeatable(dataset, seed) if isinstance(dataset, OnDisk) else dataset
    if isinstance(read, InMemory):
        batches: Sampler[Any] = NumberedBatches(order) if positions else order
    else:
        batches = _prefetched(NumberedBatches(order), order.batch_size, read.dataset)
    return endless_loader(WithPositions(read) if positions else read, batches, workers, finish)


def _prefetched(batches: NumberedBatches, batch_size: int, dataset: OnDisk) -> Sampler[Any]:
    """Return the batches, before which what they need is fetched if the pictures can be."""
    prefetch = getattr(dataset.pictures, "prefetch", None)
    return batches if prefetch is None else PrefetchedBatches(batches, batch_size, prefetch)


def global_batches(
    size: int,
    batch_size: int,
    seed: int,
    trainer: L.Trainer | None,
    purpose: str = "order",
    epoch: EpochOrder | None = None,
) -> GlobalBatches:
    """Return the order of ``size`` images for the trainer's rank, starting at the current batch of its module.

    Its batches have the ``real_batches`` of the module, ``batch_size`` images each.

    Raises UserError if the batch size does not fit the size or the number of ranks.
    """

    def start() -> int:
        # Where one batch is overfitted, every epoch is that batch.
        if trainer is None or getattr(trainer, "overfit_batches", False):
            return 0
        module: Any = trainer.lightning_module
        return int(module.batches_seen)

    batches = real_batches(trainer)
    if size < batches:
        raise UserError(f"a step takes {batches} batches, and there are fewer images ({size}).")
    if batches > 1 and batch_size * batches > size:
        raise UserError(
            f"data.batch_size={batch_size}: a step takes {batches} batches, more than the {size} images there are: "
            f"data.batch_size={size // batches}{' or less' if size >= 2 * batches else ''}."
        )
    return GlobalBatches(
        size,
        batch_size * batches,
        seed,
        start,
        rank=0 if trainer is None else trainer.global_rank,
        world_size=1 if trainer is None else trainer.world_size,
        purpose=purpose,
        order=epoch,
    )


def real_batches(trainer: L.Trainer | None) -> int:
    """Return how many batches of real images a step of the trainer's module takes."""
    module: Any = None if trainer is None else trainer.lightning_module
    return int(getattr(module, "real_batches", 1))


def budget(trainer: L.Trainer | None) -> int:
    """Return the number of images that the trainer's module is trained on; raises RuntimeError without a trainer."""
    if trainer is None:
        raise RuntimeError("a share of the budget of images needs a trainer, whose module has the budget")
    module: Any = trainer.lightning_module
    return int(module.images)


def endless_loader(
    dataset: Dataset[Any], batches: Sampler[Any], workers: int = 0, finish: Callable[[Any], Any] | None = None
) -> DataLoader[dict[str, Tensor]]:
    """Return a loader of an endless sampler's batches, each read by one call and completed here by ``finish``."""
    loader = TimedLoader(
        dataset,
        batch_sampler=batches,
        collate_fn=_identity,
        num_workers=workers,
        persistent_workers=workers > 0,
        pin_memory=torch.cuda.is_available(),
        # By default, a loader seeds its workers from the global generator.
        generator=torch.Generator(),
    )
    loader.finish = finish
    return loader


def device_loader(dataset: Dataset[Any], batches: Sampler[Any]) -> DataLoader[dict[str, Tensor]]:
    """Return a loader of an endless `DeviceBatches`, each batch made on the device by one call of the data set.

    It has neither workers nor pinned memory.
    """
    return TimedLoader(dataset, batch_sampler=batches, collate_fn=_identity, generator=torch.Generator())


def once_loader(dataset: Dataset[Any], length: int, batch_size: int, trainer: L.Trainer | None) -> DataLoader[Any]:
    """Return a loader of every item once, in order, each batch on one rank only."""
    batches = torch.arange(length).split(batch_size)
    local = batches if trainer is None else batches[trainer.global_rank :: trainer.world_size]
    return DataLoader(
        dataset,
        batch_sampler=[numbers.tolist() for numbers in local],
        collate_fn=_identity,
        generator=torch.Generator(),
    )


def sample_loader(trainer: L.Trainer | None) -> DataLoader[dict[str, Tensor]]:
    """Return the numbers of the samples that the trainer's module draws for validation, {"number": (B,)} in blocks.

    The blocks are divided among the ranks, so no sample is drawn twice. If there are fewer blocks than ranks, the
    other ranks draw one sample beyond the last: its number marks it as not counted, and its features have the shape
    that metrics need on all ranks.
    """
    if trainer is None:
        raise RuntimeError("sample_loader needs a trainer, whose module decides which samples to draw")
    module: Any = trainer.lightning_module
    all_blocks = blocks(module.scored_samples)
    local = all_blocks[trainer.global_rank :: trainer.world_size]
    if all_blocks and not local:
        local = [torch.tensor([len(all_blocks) * BLOCK])]
    return DataLoader([{"number": block} for block in local], batch_size=None, generator=torch.Generator())  # type: ignore[arg-type]


def _identity(batch: Any) -> Any:
    return batch
