"""Trainers that only load data: a stand-in for one rank, and Lightning's with a module that keeps its batches."""

from types import SimpleNamespace

import lightning as L
import torch

CPU = torch.device("cpu")


def rank_on(device=CPU, batches_seen=0, images=None, rank=0, world_size=1):
    """Stand for the trainer of one rank on a device, whose game has a budget of images."""
    return SimpleNamespace(
        strategy=SimpleNamespace(root_device=device),
        lightning_module=SimpleNamespace(batches_seen=batches_seen, images=images),
        global_rank=rank,
        world_size=world_size,
        num_devices=1,
        is_global_zero=rank == 0,
    )


class Watcher(L.LightningModule):
    """Keeps the batches that it is given; its count of batches is what a checkpoint would restore."""

    def __init__(self, batches_seen=0, images=None):
        super().__init__()
        self.automatic_optimization = False
        self.batches_seen, self.images = batches_seen, images
        self.given = []

    def training_step(self, batch, batch_idx):
        self.given.append(batch)
        self.batches_seen += 1

    def configure_optimizers(self):
        return None


def watched(watcher, data, batches, **settings):
    """Return the batches that Lightning's trainer gives to a watcher."""
    quiet = ("logger", "enable_checkpointing", "enable_progress_bar", "enable_model_summary")
    own = {"accelerator": "cpu", "devices": 1, "max_epochs": 1, "num_sanity_val_steps": 0, "limit_val_batches": 0}
    options = {**own, **dict.fromkeys(quiet, False), "use_distributed_sampler": False, **settings}
    L.Trainer(limit_train_batches=batches, **options).fit(watcher, datamodule=data)
    return watcher.given
