"""The loaders, the same for every kind of data."""

from typing import Any

import lightning as L
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler

from ganexp.data.disk import OnDisk
from ganexp.data.memory import InMemory
from ganexp.data.order import GlobalBatches, NumberedBatches
from ganexp.data.repeatable import Repeatable
from ganexp.numerics.randomness import BLOCK, blocks


def training_loader(
    dataset: InMemory | OnDisk, batch_size: int, seed: int, trainer: L.Trainer | None, workers: int = 0
) -> DataLoader[dict[str, Tensor]]:
    """Return an endless loader of this rank's part of the global batches.

    It begins where the trainer's module has got to (`batches_seen`, in global batches), or at batch 0 without
    a trainer, and never draws from the global random generators; what is read from disk while a user's own code draws
    from them is a function of (seed, position). Batches are {"image": (B, C, H, W)} with
    "label" (B,) where the data set has labels, B = batch_size // world size.

    Raises UserError if the batch size does not fit the data set or the number of ranks.
    """
    order = global_batches(len(dataset), batch_size, seed, trainer)
    if isinstance(dataset, OnDisk):
        return endless_loader(Repeatable(dataset, seed), NumberedBatches(order), workers)
    return endless_loader(dataset, order, workers)


def global_batches(
    size: int, batch_size: int, seed: int, trainer: L.Trainer | None, purpose: str = "order"
) -> GlobalBatches:
    """Return the order of ``size`` images for the trainer's rank, from where its module has got to.

    Raises UserError if the batch size does not fit the size or the number of ranks.
    """

    def start() -> int:
        if trainer is None:
            return 0
        module: Any = trainer.lightning_module
        return int(module.batches_seen)

    return GlobalBatches(
        size,
        batch_size,
        seed,
        start,
        rank=0 if trainer is None else trainer.global_rank,
        world_size=1 if trainer is None else trainer.world_size,
        purpose=purpose,
    )


def endless_loader(dataset: Dataset[Any], batches: Sampler[Any], workers: int = 0) -> DataLoader[dict[str, Tensor]]:
    """Return a loader of the batches that an endless sampler names, each had from the data set at once."""
    return DataLoader(
        dataset,
        batch_sampler=batches,
        collate_fn=_as_it_is,
        num_workers=workers,
        persistent_workers=workers > 0,
        pin_memory=torch.cuda.is_available(),
        # Without one of its own a loader takes its workers' seed from the global generator.
        generator=torch.Generator(),
    )


def once_loader(dataset: Dataset[Any], length: int, batch_size: int, trainer: L.Trainer | None) -> DataLoader[Any]:
    """Return a loader of each item once, in order, each batch on one rank only."""
    batches = torch.arange(length).split(batch_size)
    mine = batches if trainer is None else batches[trainer.global_rank :: trainer.world_size]
    return DataLoader(
        dataset,
        batch_sampler=[numbers.tolist() for numbers in mine],
        collate_fn=_as_it_is,
        generator=torch.Generator(),
    )


def sample_loader(trainer: L.Trainer | None) -> DataLoader[dict[str, Tensor]]:
    """Return the numbers of the samples that the trainer's module draws in a validation, {"number": (B,)} in blocks.

    Each rank has blocks of its own, so that no sample is drawn twice. Where there are fewer blocks than ranks, those
    without one draw a sample beyond the last: its number says that it does not count, and its features have the shape
    that metrics must know on all ranks.
    """
    if trainer is None:
        raise RuntimeError("only a trainer knows which samples its module draws")
    module: Any = trainer.lightning_module
    every = blocks(module.scored_samples)
    mine = every[trainer.global_rank :: trainer.world_size]
    if every and not mine:
        mine = [torch.tensor([len(every) * BLOCK])]
    return DataLoader([{"number": block} for block in mine], batch_size=None, generator=torch.Generator())  # type: ignore[arg-type]


def _as_it_is(batch: Any) -> Any:
    return batch
