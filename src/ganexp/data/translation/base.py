"""Base of the LightningDataModules of image-to-image translation: splits, loaders, crops and flips."""

import logging
from abc import abstractmethod
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from ganexp.data.decoding import Decodes
from ganexp.data.depth.percentiles import PERCENTILES
from ganexp.data.device import OnDevice
from ganexp.data.loading import budget, device_loader, endless_loader, global_batches, once_loader, real_batches
from ganexp.data.module import ImageDataModule
from ganexp.data.order import DeviceBatches, NumberedBatches, split_indexed, split_numbered
from ganexp.data.picture_set import PictureSet
from ganexp.data.pictures import Part, Pictures
from ganexp.data.placement import DEVICE_MEMORY_SHARE
from ganexp.data.storage import Store, stored, workers_for
from ganexp.data.translation.augmentation import CropAndFlip
from ganexp.data.translation.decoding import PairDecoding
from ganexp.data.translation.degradations import Degradation, Nothing
from ganexp.data.translation.device_pairs import DevicePairs
from ganexp.data.translation.items import Decoders
from ganexp.data.translation.jitter import JitterUntil
from ganexp.data.translation.load_size import checked_load_size, warning_of_small_crops
from ganexp.data.translation.pairs import (
    ImagePairs,
    SingleDomain,
    TestPairs,
    TrainingPairs,
)
from ganexp.data.translation.ranges import Ranges
from ganexp.errors import UserError
from ganexp.numerics.randomness import generator

log = logging.getLogger(__name__)

DIRECTIONS = ("a2b", "b2a")
ORDERS = ("order", "order of targets")
TEST_BATCH_PIXELS = 2**18
MAX_TEST_BATCH_SIZE = 64


Subset = Callable[[Pictures], Pictures]


class TranslationData(ImageDataModule):
    """Batches {"input", "image"}, (B, channels, height, width) each: images to translate, and targets.

    Images leave the loader as uint8 and reach the model as float32 in [-1, 1]. `batch_size` counts the pairs of all
    ranks together. `source(split=…)` opens a split: `split` for training and `test_split` for testing, of which at
    most `test_images` are used (None: all). A `degradation` makes inputs from pictures. With `load_size`, training
    images are resized to it and cropped at random to image_size; once the share `jitter_until` of the budget of images
    has been trained on (None: never), they are resized to image_size instead. That is 0.5 in the code of arXiv
    2007.15651 (data/unaligned_dataset.py). `flip` mirrors half of all training images. Test images are never augmented.
    Inputs have `input_channels` (None: as many as targets). `value_range` is that of `ImageData`, with percentiles
    measured on inputs and targets apart; `input_value_range` states another for inputs.
    `direction` is only checked here: the source applies it. `resize_filter`, `in_memory`, `workers` and `root` are
    those of `ImageData`, `device_memory_share` that of `ImageDataModule`; with a degradation, which is computed on the
    CPU, batches come from the host.

    Raises UserError for impossible sizes, shares, channels or filters and for a degradation that does not fit the
    images; in `setup`, for unreadable pictures.
    """

    def __init__(
        self,
        source: Callable[..., Any],
        name: str,
        image_size: int | Sequence[int],
        channels: int,
        batch_size: int,
        seed: int,
        degradation: Degradation | None = None,
        load_size: int | Sequence[int] | None = None,
        flip: bool = True,
        split: str = "train",
        test_split: str = "test",
        test_images: int | None = 1000,
        direction: str = "a2b",
        resize_filter: str = "bicubic",
        in_memory: bool | None = None,
        workers: int | None = None,
        root: str | None = None,
        num_classes: None = None,
        device_memory_share: float = DEVICE_MEMORY_SHARE,
        jitter_until: float | None = None,
        value_range: str | Sequence[float] | None = None,
        percentiles: Sequence[float] = PERCENTILES,
        input_channels: int | None = None,
        input_value_range: Sequence[float] | None = None,
    ) -> None:
        super().__init__(name, image_size, channels, num_classes, batch_size, seed, root, device_memory_share)
        self.load_size = checked_load_size(load_size, self.image_size)
        if jitter_until is not None and not 0 <= jitter_until <= 1:
            raise UserError(
                f"data.jitter_until={jitter_until:g}: give the share of training with random crops, from 0 to 1, or "
                "null for random crops throughout."
            )
        if test_images is not None and test_images < 1:
            raise UserError(f"data.test_images={test_images}: give 1 or more, or null for all.")
        if direction not in DIRECTIONS:
            raise UserError(f"data.direction={direction}: choose one of {', '.join(DIRECTIONS)}.")
        if num_classes is not None:
            raise UserError(f"data.num_classes={num_classes}: image-to-image data has no labels; give null.")
        self.source = source
        self.degradation = degradation
        self.jitter_until = jitter_until
        self.flip = flip
        self.split = split
        self.test_split = test_split
        self.test_images = test_images
        self.direction = direction
        self.in_memory = in_memory
        self.workers = workers
        self.decoding = PairDecoding(
            channels, input_channels, resize_filter, value_range, percentiles, input_value_range
        )
        self.decoder = self.decoding.targets(self.image_size)
        self._opened: tuple[Any, Any] | None = None
        self._pairs: ImagePairs | None = None
        self._whole_pairs: ImagePairs | None = None
        self._test_pairs: TestPairs | None = None
        if degradation is not None:
            if not isinstance(degradation, Nothing):
                self.decoding.require_eight_bits()
            # Refused before anything is downloaded.
            degradation(torch.zeros(1, channels, *self.image_size, dtype=torch.uint8))

    @abstractmethod
    def _decoded(self, opened: Any, decoders: Decoders, subset: Subset) -> ImagePairs:
        """Return the chosen subset of an opened split, ready to read."""

    @abstractmethod
    def _measured_ranges(self, opened: Any) -> Ranges:
        """Return the ranges of values of the opened training split, from its percentiles."""

    @abstractmethod
    def _picture_sets(self, split: str) -> list[PictureSet]:
        """Return the undecoded pictures of a split, for an inspection."""

    def picture_sets(self) -> dict[str, Callable[[], list[PictureSet]]]:
        """Return, for an inspection, a function for each split that opens its pictures without decoding any."""
        return {split: partial(self._picture_sets, split) for split in (self.split, self.test_split)}

    def prepare_data(self) -> None:
        """Download what is missing, once per machine."""
        self._opened = self._open()

    def setup(self, stage: str = "fit") -> None:
        """Open both splits and decode them into memory if they fit; a second call does nothing."""
        if self._pairs is not None:
            return
        train, test = self._open() if self._opened is None else self._opened
        self._opened = None
        self._warn_of_small_crops()
        self._measure(train)
        self._pairs = self._decoded(train, self.decoding.decoders(self.load_size), lambda pictures: pictures)
        if self.jitter_until is not None and self.load_size != self.image_size:
            self._whole_pairs = self._decoded(train, self.decoding.decoders(self.image_size), lambda pictures: pictures)
        test_pairs = self._decoded(test, self.decoding.decoders(self.image_size), self._test_subset)
        self._test_pairs = TestPairs(test_pairs, self.image_size)
        self._log(
            f"{self._counts()} of {self.channels}x{self.image_size.text} for training"
            f"{self._augmentation()}, {len(self._test_pairs):,} for testing"
        )

    def _measure(self, opened: Any) -> None:
        """Measure the ranges of values on the training split, where that is the setting."""
        if not self.decoding.lacks_ranges:
            return
        self.decoding.measure(self._measured_ranges(opened))
        self.decoder = self.decoding.targets(self.image_size)
        inputs, targets = (stated.text for stated in self.decoding.ranges if stated is not None)
        self._log(
            f"values {inputs} of inputs and {targets} of targets become [-1,1]: percentiles "
            f"{list(self.decoding.percentiles)} of the training images"
        )

    @property
    def measured_ranges(self) -> dict[str, list[float]]:
        """The measured ranges of values by "input" and "image"; empty if none is measured."""
        return self.decoding.measured_ranges

    @property
    def pairs(self) -> ImagePairs:
        """The inputs and targets of the training split, after `setup`."""
        if self._pairs is None:
            raise self._not_set_up()
        return self._pairs

    @property
    def test_pairs(self) -> TestPairs:
        """The test split, after `setup`."""
        if self._test_pairs is None:
            raise self._not_set_up()
        return self._test_pairs

    @property
    def dataset(self) -> SingleDomain:
        """The training targets without augmentation, as a data set of images, after `setup`."""
        return self.pairs.targets(self.image_size)

    @property
    def num_images(self) -> int:
        """The number of training pairs, or of images in the larger domain."""
        return max(self.pairs.lengths)

    def train_dataloader(self) -> DataLoader[dict[str, Tensor]]:
        """Return an endless loader that starts at the trainer's current batch.

        Raises UserError if the batch size does not fit the data set or the number of ranks.
        """
        orders = [
            global_batches(length, self.batch_size, self.seed, self.trainer, purpose)
            for length, purpose in zip(self.pairs.lengths, ORDERS, strict=False)
        ]
        augment = CropAndFlip(self.image_size, self.flip, self.seed)
        whole = () if self._whole_pairs is None else self._whole_pairs.stores
        stores = (*self.pairs.stores, *whole)
        copies = self._copies_on_device(stores, self.pairs.reason_for_host)
        if copies is not None:
            return device_loader(self._device_pairs(copies, augment), DeviceBatches(copies[0].device, *orders))
        workers = max(workers_for(store, self.workers, self._local_processes()) for store in stores)
        return endless_loader(self._training_pairs(augment), NumberedBatches(*orders), workers)

    def val_dataloader(self) -> DataLoader[dict[str, Tensor]]:
        """Return the whole test split, {"number": (B,), "input", "image"}, each item on one rank only."""
        batch_size = min(MAX_TEST_BATCH_SIZE, max(1, TEST_BATCH_PIXELS // self.image_size.pixels))
        return once_loader(self.test_pairs, len(self.test_pairs), batch_size, self.trainer)

    def examples(self, n: int) -> dict[str, Tensor]:
        """Return the first n items of the test split, {"number", "input", "image"}, images as float32 in [-1, 1]."""
        return self.test_pairs.examples(n)

    def _training_stores(self) -> Sequence[Store]:
        return self.pairs.stores

    def _training_pairs(self, augment: CropAndFlip) -> Dataset[dict[str, Tensor]]:
        jittered = TrainingPairs(self.pairs, augment)
        if self._whole_pairs is None:
            return jittered
        return JitterUntil(jittered, TrainingPairs(self._whole_pairs, augment), self._end_of_jitter(), split_numbered)

    def _device_pairs(self, copies: Sequence[OnDevice], augment: CropAndFlip) -> Dataset[dict[str, Tensor]]:
        """Return the same batches from copies of the stores, first those of the images to crop, then of whole ones."""
        number = len(self.pairs.stores)
        jittered = DevicePairs(self.pairs, copies[:number], augment)
        if self._whole_pairs is None:
            return jittered
        whole = DevicePairs(self._whole_pairs, copies[number:], augment)
        return JitterUntil(jittered, whole, self._end_of_jitter(), split_indexed)

    def _end_of_jitter(self) -> int:
        """Return the position in the training sequence from which on images are whole."""
        share = 1.0 if self.jitter_until is None else self.jitter_until
        return round(share * budget(self.trainer) * real_batches(self.trainer))

    def _open(self) -> tuple[Any, Any]:
        return self.source(split=self.split), self.source(split=self.test_split)

    def _test_subset(self, pictures: Pictures) -> Pictures:
        # Shuffled, because files are often sorted by class; the same subset for every seed.
        order = torch.randperm(len(pictures), generator=generator(0, "test images"))
        return Part(pictures, order[: self.test_images].numpy())

    def _store(self, pictures: Pictures, decoder: Decodes, noun: str) -> Store:
        if len(pictures) == 0:
            raise UserError(f"{self._where()} has no images ({noun}).")
        store, description = stored(pictures, decoder, False, self.in_memory, self.workers, self._local_processes())
        self._log(f"{len(pictures):,} {noun} {description}")
        return store

    def _warn_of_small_crops(self) -> None:
        warning = warning_of_small_crops(self.load_size, self.image_size)
        if warning is not None and (self.trainer is None or self.trainer.is_global_zero):
            log.warning("data: %s", warning)

    def _counts(self) -> str:
        nouns = ("pairs",) if len(self.pairs.lengths) == 1 else ("inputs", "targets")
        return " and ".join(f"{length:,} {noun}" for length, noun in zip(self.pairs.lengths, nouns, strict=True))

    def _augmentation(self) -> str:
        until = "" if self.jitter_until is None else f" until {self.jitter_until:g} of the budget"
        crops = [f"random crops from {self.load_size.text}{until}"] * (self.load_size != self.image_size)
        flips = ["half of them mirrored"] if self.flip else []
        return f" ({', '.join(crops + flips)})" if crops + flips else ""
