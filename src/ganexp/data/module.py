"""Base LightningDataModule for images."""

import logging
from abc import abstractmethod
from collections.abc import Sequence
from functools import cached_property
from typing import Any

import lightning as L
import torch
from torch import Tensor
from torch.utils.data import DataLoader

from ganexp.data.decoding import checked_size
from ganexp.data.device import OnDevice
from ganexp.data.epoch_order import EpochOrder
from ganexp.data.loading import device_loader, global_batches, sample_loader, training_loader
from ganexp.data.order import DeviceBatches
from ganexp.data.placement import DEVICE_MEMORY_SHARE, Placement, bytes_of
from ganexp.data.positions import OnDeviceWithPositions
from ganexp.data.storage import Store
from ganexp.data.training_images import UNCHANGED
from ganexp.data.values import to_signed_unit
from ganexp.data.version import version_of

log = logging.getLogger(__name__)


class ImageDataModule(L.LightningDataModule):
    """Batches {"image": (B, channels, height, width), …} in [-1, 1].

    `image_size` is the side of squares, or (height, width). `batch_size` counts the images of all ranks together.
    `root` is where the images are stored, for messages only. Training data in memory are copied to a GPU once, and
    indexed there, if they take at most `device_memory_share` of its free memory (0: never); the batches are the same.

    Raises UserError if image_size is below 1 or device_memory_share is not within [0, 1].
    """

    def __init__(
        self,
        name: str,
        image_size: int | Sequence[int],
        channels: int,
        num_classes: int | None,
        batch_size: int,
        seed: int,
        root: str | None = None,
        device_memory_share: float = DEVICE_MEMORY_SHARE,
    ) -> None:
        super().__init__()
        self.name = name
        self.image_size = checked_size(image_size)
        self.channels = channels
        self.num_classes = num_classes
        self.batch_size = batch_size
        self.seed = seed
        self.root = root
        self._placement = Placement(device_memory_share)

    @property
    @abstractmethod
    def num_images(self) -> int:
        """The number of training images."""

    @property
    def images_per_epoch(self) -> int:
        """The number of images in the whole batches of one epoch."""
        return self.num_images // self.batch_size * self.batch_size

    @property
    def training_images(self) -> str:
        """A description of what is done to training images, for the protocol of scores."""
        return UNCHANGED

    @cached_property
    def data_version(self) -> str | None:
        """The version of the training images (`version_of`), after `setup`; None if it is unknown."""
        return version_of(self._training_stores())

    @property
    def device_bytes(self) -> int:
        """The bytes of training data on the GPU."""
        return self._placement.device_bytes

    @property
    def memory_bytes(self) -> int:
        """The bytes of training data in memory, after `setup`; none of what stays on disk."""
        return bytes_of(self._training_stores())

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

    def teardown(self, stage: str) -> None:
        """Free the GPU's memory, as Lightning does with the module's."""
        self._placement.release()

    def on_exception(self, exception: BaseException) -> None:
        """Free the GPU's memory when training ends with an error."""
        self._placement.release()

    def _training_stores(self) -> Sequence[Store]:
        """Return the stores of all training images; none where they are not in stores."""
        return ()

    def _image_loader(
        self, dataset: Store, workers: int = 0, positions: bool = False, epoch: EpochOrder | None = None
    ) -> DataLoader[dict[str, Tensor]]:
        """Return the endless loader of single images, on the trainer's device if they fit there.

        With `positions`, batches have the "position" of each sample in the training sequence. ``epoch`` draws the order
        of an epoch, by default a permutation.
        """
        copies = self._copies_on_device([dataset])
        if copies is None:
            return training_loader(dataset, self.batch_size, self.seed, self.trainer, workers, positions, epoch)
        (images,) = copies
        order = global_batches(len(images), self.batch_size, self.seed, self.trainer, epoch=epoch)
        batches = DeviceBatches(images.device, order)
        return device_loader(OnDeviceWithPositions(images) if positions else images, batches)

    def _copies_on_device(self, stores: Sequence[Store], reason: str | None = None) -> tuple[OnDevice, ...] | None:
        """Return the stores' copies on the trainer's device, None where batches come from the host, and log which."""
        if self.trainer is None:
            return None
        return self._placement.copies(stores, self.trainer.strategy.root_device, self._log, reason)

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
