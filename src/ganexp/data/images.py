"""Images of any source as a LightningDataModule."""

import logging
from collections.abc import Callable
from typing import Any

import lightning as L
from torch import Tensor
from torch.utils.data import DataLoader

from ganexp.data.collection import Collection
from ganexp.data.complaints import Problem, complain
from ganexp.data.decoding import Decoder
from ganexp.data.disk import OnDisk
from ganexp.data.loading import sample_loader, training_loader
from ganexp.data.memory import InMemory
from ganexp.data.pictures import Pictures, classes_of
from ganexp.data.storage import stored, workers_for
from ganexp.data.values import to_signed_unit
from ganexp.errors import UserError

log = logging.getLogger(__name__)


class ImageData(L.LightningDataModule):
    """Batches {"image": (B, channels, image_size, image_size)} of a source's images, with "label" (B,).

    Images leave the loader as uint8 and reach the model as float32 in [-1, 1], scaled on its device. Labels
    (int64, 0 to num_classes - 1) are served if num_classes is given. `batch_size` counts the images of all
    ranks together.

    `source` is a function without arguments that returns a data set of (PIL image, class number), downloading
    it if need be. `in_memory` None keeps the decoded images in memory if they take less than a quarter of it.
    `workers` are the processes that decode images left on disk (None: one a processor, at most 8); images in
    memory need none. `root` is where the images lie, for messages only.

    Raises UserError for an image_size below 1, channels other than 1 or 3, an unknown resize_filter; in
    `setup`, for a num_classes that the source does not have and for unreadable images.
    """

    def __init__(
        self,
        source: Callable[[], Pictures],
        name: str,
        image_size: int,
        channels: int,
        num_classes: int | None,
        batch_size: int,
        seed: int,
        resize_filter: str = "bicubic",
        in_memory: bool | None = None,
        workers: int | None = None,
        root: str | None = None,
    ) -> None:
        super().__init__()
        self.source = source
        self.name = name
        self.image_size = image_size
        self.channels = channels
        self.num_classes = num_classes
        self.batch_size = batch_size
        self.seed = seed
        self.in_memory = in_memory
        self.workers = workers
        self.root = root
        self.decoder = Decoder(image_size, channels, resize_filter)
        self.classes: list[str] = []
        self._pictures: Pictures | None = None
        self._dataset: InMemory | OnDisk | None = None

    def prepare_data(self) -> None:
        """Download what is missing, once a machine."""
        self._pictures = self.source()

    def setup(self, stage: str = "fit") -> None:
        """Open the source and decode it into memory if it fits; a second call does nothing."""
        if self._dataset is not None:
            return
        pictures = self.source() if self._pictures is None else self._pictures
        self._pictures = None
        if len(pictures) == 0:
            raise UserError(f"{self._where()} has no images.")
        self.classes = classes_of(pictures)
        self._check_classes(self.classes)
        labelled = self.num_classes is not None
        self._dataset, how = stored(
            pictures, self.decoder, labelled, self.in_memory, self.workers, self._processes_here()
        )
        self._tell(how)

    def collections(self) -> dict[str, Callable[[], list[Collection]]]:
        """Return what opens the pictures as they are, before any is decoded, for an inspection."""
        return {str(self.name): self._collections}

    @property
    def dataset(self) -> InMemory | OnDisk:
        """The images (uint8) and labels, after `setup`: by item, or by batch through `__getitems__`."""
        if self._dataset is None:
            raise RuntimeError(f"data {self.name}: call setup() first")
        return self._dataset

    @property
    def num_images(self) -> int:
        """The number of images there are."""
        return len(self.dataset)

    @property
    def images_per_epoch(self) -> int:
        """The number of images in one epoch of whole batches."""
        return self.num_images // self.batch_size * self.batch_size

    def train_dataloader(self) -> DataLoader[dict[str, Tensor]]:
        """Return an endless loader that begins where the trainer's module has got to.

        Raises UserError if the batch size does not fit the data set or the number of ranks.
        """
        workers = workers_for(self.dataset, self.workers, self._processes_here())
        return training_loader(self.dataset, self.batch_size, self.seed, self.trainer, workers)

    def val_dataloader(self) -> DataLoader[dict[str, Tensor]]:
        """Return the numbers of the samples to be scored; the data has no part in validation."""
        return sample_loader(self.trainer)

    def on_after_batch_transfer(self, batch: Any, dataloader_idx: int) -> Any:
        """Scale uint8 images to float32 in [-1, 1], on the device they are on by now."""
        return {key: to_signed_unit(value) for key, value in batch.items()}

    def _collections(self) -> list[Collection]:
        pictures = self.source()
        self._check_classes(classes_of(pictures))
        return [Collection(str(self.name), pictures, self.decoder)]

    def _check_classes(self, found: list[str]) -> None:
        if self.num_classes is None or self.num_classes == len(found):
            return
        if not found:
            has, fix = "no labels", "data.num_classes=null"
        else:
            has, fix = f"{len(found)} classes", f"data.num_classes={len(found)}, or null to leave labels out"
        refusal = UserError(f"data.num_classes={self.num_classes}, but {self._where()} has {has}: {fix}.")
        complain(refusal, Problem(f"data.num_classes={self.num_classes}, but there are {has}", (), fix))

    def _processes_here(self) -> int:
        return 1 if self.trainer is None else max(1, self.trainer.num_devices)

    def _where(self) -> str:
        return f"{self.name}" if self.root is None else f"{self.name} {self.root}"

    def _tell(self, how: str) -> None:
        if self.trainer is None or self.trainer.is_global_zero:
            shape = f"{self.channels}x{self.image_size}x{self.image_size}"
            log.info("data: %s, %s images of %s, %s", self._where(), f"{self.num_images:,}", shape, how)
