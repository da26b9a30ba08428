"""Base LightningDataModule for images."""

import logging
from abc import abstractmethod
from typing import Any

import lightning as L
import torch
from torch import Tensor
from torch.utils.data import DataLoader

from ganexp.data.loading import sample_loader
from ganexp.data.values import to_signed_unit

log = logging.getLogger(__name__)


class ImageDataModule(L.LightningDataModule):
    """Batches {"image": (B, channels, image_size, image_size), …} in [-1, 1].

    `batch_size` counts the images of all ranks together. `root` is where the images are stored, for messages only.
    """

    def __init__(
        self,
        name: str,
        image_size: int,
        channels: int,
        num_classes: int | None,
        batch_size: int,
        seed: int,
        root: str | None = None,
    ) -> None:
        super().__init__()
        self.name = name
        self.image_size = image_size
        self.channels = channels
        self.num_classes = num_classes
        self.batch_size = batch_size
        self.seed = seed
        self.root = root

    @property
    @abstractmethod
    def num_images(self) -> int:
        """The number of training images."""

    @property
    def images_per_epoch(self) -> int:
        """The number of images in the whole batches of one epoch."""
        return self.num_images // self.batch_size * self.batch_size

    def val_dataloader(self) -> DataLoader[dict[str, Tensor]]:
        """Return the numbers of the samples to score; validation uses none of the images."""
        return sample_loader(self.trainer)

    def transfer_batch_to_device(self, batch: Any, device: torch.device, dataloader_idx: int) -> Any:
        """Move a batch to the device, except for the numbers of samples, which the CPU reads to draw their noise."""
        numbers = {name: batch[name] for name in ("number",) if name in batch}
        rest = {name: value for name, value in batch.items() if name not in numbers}
        return {**super().transfer_batch_to_device(rest, device, dataloader_idx), **numbers}

    def on_after_batch_transfer(self, batch: Any, dataloader_idx: int) -> Any:
        """Scale uint8 images to float32 in [-1, 1] on their device; other tensors are unchanged."""
        return {key: to_signed_unit(value) for key, value in batch.items()}

    def _not_set_up(self) -> RuntimeError:
        """Return the error for data that are asked for before `setup`."""
        return RuntimeError(f"data {self.name}: call setup() first")

    def _local_processes(self) -> int:
        return 1 if self.trainer is None else max(1, self.trainer.num_devices)

    def _where(self) -> str:
        return f"{self.name}" if self.root is None else f"{self.name} {self.root}"

    def _log(self, message: str) -> None:
        """Log one line about this data, on rank zero only."""
        if self.trainer is None or self.trainer.is_global_zero:
            log.info("data: %s, %s", self._where(), message)
