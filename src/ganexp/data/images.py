"""LightningDataModule of images from any source."""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import DataLoader

from ganexp.data.decoding import Decoder
from ganexp.data.depth.percentiles import PERCENTILES, checked_percentiles, measured_range
from ganexp.data.depth.value_range import MEASURED, checked_setting
from ganexp.data.device_decoding.cuda import cuda_jpegs
from ganexp.data.device_decoding.decoder import DecodesJpegs, DeviceDecoder, NoDecoder, require_decodable
from ganexp.data.device_decoding.encoded import EncodedOnDisk
from ganexp.data.epoch_order import Balanced, EpochOrder
from ganexp.data.loading import training_loader
from ganexp.data.memory import InMemory
from ganexp.data.module import ImageDataModule
from ganexp.data.picture_set import PictureSet
from ganexp.data.pictures import Pictures, classes_of, has_attributes, is_sequential
from ganexp.data.placement import DEVICE_MEMORY_SHARE
from ganexp.data.positions import POSITION
from ganexp.data.problems import Problem, report_problem
from ganexp.data.storage import Store, labels_of_store, stored, workers_for
from ganexp.data.streaming.window_order import WindowShuffled
from ganexp.data.training_images import TrainingImages, describe
from ganexp.errors import UserError


class ImageData(ImageDataModule):
    """Batches {"image": (B, channels, height, width)} of a source's images, with "label" (B,).

    Images leave the loader as uint8 and reach the model as float32 in [-1, 1], scaled on its device. With a
    `value_range`, they are float32 in [-1, 1] from the start, at their own depth: [low, high], or "percentiles" to
    measure it on the images (`measured_range`, once the data are set up). Labels
    (int64, 0 to num_classes - 1) are included if num_classes is given. `batch_size` and `device_memory_share` are
    those of `ImageDataModule`.

    `source` is a function without arguments that returns a data set of (PIL image, class number), downloading
    it if necessary. With `in_memory` None, the decoded images are kept in memory if they take less than a quarter of
    it. `workers` is the number of processes that decode images left on disk (None: one per processor, at most 8);
    images in memory need none. `root` or `path` is where the images are stored and `labels` the file that gives their
    classes, for messages only.

    `flip` mirrors training images with probability 0.5; `dequantize` adds noise that is uniform within a grey level
    (`TrainingImages`). Both are done on the model's device. `dataset` has neither, and so have scores. `balance` trains
    on images of every class equally often (`Balanced`), in a stream only in an epoch as a whole (`WindowShuffled`). A
    source that is streamed has its own order, `epoch_order`, and its images are in memory only if `in_memory` says so.
    `attributes` says whether images have several labels each, if anybody has said so.

    With `device_decoding`, JPEGs that are left on disk are decoded and resized on the model's device, by the decoder
    that `jpeg_decoder` has for it (NoDecoder: none, and the processor decodes).

    Raises UserError for an image_size or channels below 1, an unknown resize_filter, an impossible range, dequantized
    images with a range, or settings that `device_decoding` does not serve; in `setup`, for a num_classes that differs
    from the source's and for unreadable images.
    """

    def __init__(
        self,
        source: Callable[[], Pictures],
        name: str,
        image_size: int | Sequence[int],
        channels: int,
        num_classes: int | None,
        batch_size: int,
        seed: int,
        resize_filter: str = "bicubic",
        in_memory: bool | None = None,
        workers: int | None = None,
        root: str | None = None,
        device_memory_share: float = DEVICE_MEMORY_SHARE,
        flip: bool = False,
        dequantize: bool = False,
        path: str | None = None,
        balance: bool = False,
        labels: str | None = None,
        value_range: str | Sequence[float] | None = None,
        percentiles: Sequence[float] = PERCENTILES,
        device_decoding: bool = False,
        jpeg_decoder: Callable[[torch.device], DecodesJpegs] = cuda_jpegs,
        attributes: bool | None = None,
    ) -> None:
        if balance and num_classes is None:
            raise UserError(
                "data.balance=true: the images have no labels, or data.num_classes=null ignores them: give data.labels "
                "of a folder, data.source.label_column of a table, data.num_classes=N of arrays, or pack images with "
                "labels"
            )
        super().__init__(name, image_size, channels, num_classes, batch_size, seed, root or path, device_memory_share)
        self.source = source
        self.in_memory = in_memory
        self.workers = workers
        self.balance = balance
        self.labels = labels
        self.attributes = attributes
        if dequantize and value_range is not None:
            raise UserError(
                "data.dequantize=true adds noise below one of 256 grey levels, and data.value_range keeps the images' "
                "own depth: leave one of them out."
            )
        self.value_range = value_range
        self.percentiles = checked_percentiles(percentiles)
        self.decoder = Decoder(image_size, channels, resize_filter, checked_setting(value_range))
        if device_decoding:
            require_decodable(self.decoder, value_range)
        self.device_decoding = device_decoding
        self.jpeg_decoder = jpeg_decoder
        self._device_decoder: DeviceDecoder | None = None
        self._transform = TrainingImages(seed, flip, dequantize)
        self.classes: list[str] = []
        self._pictures: Pictures | None = None
        self._dataset: Store | None = None
        self._epoch_order: EpochOrder | None = None

    def prepare_data(self) -> None:
        """Download what is missing, once per machine."""
        self._pictures = self.source()

    def setup(self, stage: str = "fit") -> None:
        """Open the source and decode it into memory if it fits; a second call does nothing."""
        if self._dataset is not None:
            return
        pictures = self.source() if self._pictures is None else self._pictures
        self._pictures = None
        if len(pictures) == 0:
            raise UserError(f"{self._where()} has no images.")
        if is_sequential(pictures):
            raise UserError(
                f"{self._where()} is streamed and not parquet, so it can be read in order only, and training does not: "
                "python -m ganexp data pack … out=FOLDER, then data=stream data.path=FOLDER"
            )
        self.classes = classes_of(pictures)
        self._check_classes(self.classes)
        self._measure(pictures)
        labelled = self.num_classes is not None
        self._check_attributes(labelled, pictures)
        self._epoch_order = getattr(pictures, "epoch_order", None)
        in_memory = self.in_memory if self._epoch_order is None else bool(self.in_memory)
        self._dataset, description = stored(
            pictures, self.decoder, labelled, in_memory, self.workers, self._local_processes()
        )
        shape = f"{self.channels}x{self.image_size.text}"
        self._log(f"{self.num_images:,} images of {shape}, {description}")

    def picture_sets(self) -> dict[str, Callable[[], list[PictureSet]]]:
        """Return, for an inspection, a function that opens the pictures without decoding any."""
        return {str(self.name): self._open_picture_sets}

    @property
    def dataset(self) -> Store:
        """The images and labels, after `setup`: by item, or by batch through `__getitems__`."""
        if self._dataset is None:
            raise self._not_set_up()
        return self._dataset

    @property
    def num_images(self) -> int:
        """The number of images in the data set."""
        return len(self.dataset)

    @property
    def training_images(self) -> str:
        """A description of what is done to training images, for the protocol of scores."""
        return describe(self._transform.flip, self._transform.dequantize, self.balance)

    @property
    def measured_ranges(self) -> dict[str, list[float]]:
        """The measured range of values by "image"; empty if none is measured."""
        is_measured = self.value_range == MEASURED and self.decoder.value_range is not None
        return {"image": list(self.decoder.value_range)} if is_measured else {}  # type: ignore[arg-type]

    def train_dataloader(self) -> DataLoader[dict[str, Tensor]]:
        """Return an endless loader that starts at the trainer's current batch.

        Its images are as stored; `on_after_batch_transfer` mirrors and dequantizes them by their "position". Raises
        UserError if the batch size does not fit the data set or the number of ranks.
        """
        workers = workers_for(self.dataset, self.workers, self._local_processes())
        positions, epoch = self._transform.changes, self._balanced() if self.balance else self._epoch_order
        decoder = self._device_decoder = self._made_device_decoder()
        if decoder is None:
            return self._image_loader(self.dataset, workers, positions, epoch)
        return training_loader(
            decoder.dataset, self.batch_size, self.seed, self.trainer, workers, positions, epoch, finish=decoder
        )

    def teardown(self, stage: str) -> None:
        """Free the GPU's memory, and log how many JPEGs its decoder has refused."""
        super().teardown(stage)
        refused = set() if self._device_decoder is None else self._device_decoder.refused
        if refused:
            self._log(f"JPEGs that were refused, and decoded by the processor: {len(refused):,}")

    def all_labels(self) -> Tensor:
        """Return the labels of all images, class numbers (N,) or attributes (N, A), without decoding any.

        Raises UserError for a source that does not have them.
        """
        return labels_of_store(self.dataset, self._where())

    def on_after_batch_transfer(self, batch: Any, dataloader_idx: int) -> Any:
        """Scale, mirror and dequantize images on their device; other tensors are unchanged."""
        if POSITION not in batch:
            return super().on_after_batch_transfer(batch, dataloader_idx)
        kept = {key: value for key, value in batch.items() if key != POSITION}
        return {**kept, "image": self._transform(batch["image"], batch[POSITION])}

    def _made_device_decoder(self) -> DeviceDecoder | None:
        """Return the decoder of JPEGs on the trainer's device; None where there is none, and log why."""
        if not self.device_decoding or self.trainer is None:
            return None
        device = self.trainer.strategy.root_device
        try:
            if isinstance(self.dataset, InMemory):
                raise NoDecoder("all images were decoded into memory (data.in_memory=false leaves them on disk)")
            decode = self.jpeg_decoder(device)
        except NoDecoder as reason:
            self._log(f"JPEGs are decoded by the processor: {reason}")
            return None
        self._log(f"JPEGs are decoded on {device}")
        encoded = EncodedOnDisk(self.dataset.pictures, self.decoder, self.dataset.labelled)
        return DeviceDecoder(encoded, decode, device, self._log)

    def _balanced(self) -> EpochOrder:
        labels = self.all_labels()
        if labels.dim() > 1:
            raise UserError("data.balance=true: images have several attributes each; it needs one class for each image")
        balanced = Balanced(labels)
        if self._epoch_order is None or isinstance(self.dataset, InMemory):
            return balanced
        if isinstance(self._epoch_order, WindowShuffled):
            return self._epoch_order.drawing(balanced)
        raise UserError(f"data.balance=true: {self._where()} is read in an order of its own: data.in_memory=true")

    def _training_stores(self) -> Sequence[Store]:
        return (self.dataset,)

    def _open_picture_sets(self) -> list[PictureSet]:
        pictures = self.source()
        self._check_classes(classes_of(pictures))
        self._measure(pictures)
        return [PictureSet(str(self.name), pictures, self.decoder)]

    def _measure(self, pictures: Pictures) -> None:
        """Measure the range of values on the images, where that is the setting."""
        if self.value_range == MEASURED and self.decoder.value_range is None:
            measured = measured_range(pictures, self.channels, self.percentiles)
            self.decoder = self.decoder.with_range(measured)
            self._log(f"values {measured.text} become [-1,1]: percentiles {list(self.percentiles)} of the images")

    def _check_attributes(self, labelled: bool, pictures: Pictures) -> None:
        if not labelled or self.attributes is None:
            return
        found = has_attributes(pictures)
        if found is not self.attributes:
            has = "several attributes for each image" if found else "one class for each image"
            raise UserError(f"data.attributes={str(self.attributes).lower()}, but {self._where()} has {has}")

    def _check_classes(self, classes: list[str]) -> None:
        if self.num_classes is None or self.num_classes == len(classes):
            return
        if not classes:
            has, fix = "no labels", "data.num_classes=null"
        else:
            has, fix = f"{len(classes)} classes", f"data.num_classes={len(classes)}, or null to ignore the labels"
        where = self._where() if self.labels is None else f"data.labels={self.labels}"
        error = UserError(f"data.num_classes={self.num_classes}, but {where} has {has}: {fix}.")
        report_problem(error, Problem(f"data.num_classes={self.num_classes}, but there are {has}", (), fix))
