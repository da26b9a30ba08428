"""What paired and unpaired image-to-image data have in common, as a LightningDataModule."""

import logging
from abc import abstractmethod
from collections.abc import Callable
from functools import partial
from typing import Any

import lightning as L
import torch
from torch import Tensor
from torch.utils.data import DataLoader

from ganexp.data.augmentation import CropAndFlip
from ganexp.data.collection import Collection
from ganexp.data.decoding import Decoder, Decodes
from ganexp.data.loading import endless_loader, global_batches, once_loader
from ganexp.data.order import NumberedBatches
from ganexp.data.pairs import TestPairs, TrainingPairs
from ganexp.data.pictures import Part, Pictures
from ganexp.data.sides import OneSide, Sides
from ganexp.data.storage import Store, stored, workers_for
from ganexp.data.values import to_signed_unit
from ganexp.errors import UserError
from ganexp.numerics.randomness import generator

log = logging.getLogger(__name__)

DIRECTIONS = ("a2b", "b2a")
ORDERS = ("order", "order of targets")
PIXELS_A_TEST_BATCH = 2**18
MOST_A_TEST_BATCH = 64

Choice = Callable[[Pictures], Pictures]


class TranslationData(L.LightningDataModule):
    """Batches {"input", "image"}, (B, channels, image_size, image_size) each: what to translate, and into what.

    Images leave the loader as uint8 and reach the model as float32 in [-1, 1]. `batch_size` counts the images of one
    side over all ranks. `source(split=…)` opens a split: `split` to train on, `test_split` to test on, of which at
    most `test_images` are used (None: all). If `load_size` is given, training images are resized to it and a random
    square of image_size is cut out; `flip` mirrors half of them. Test images are never augmented. `direction` is what
    the source was told. `resize_filter`, `in_memory`, `workers` and `root` are those of `ImageData`.

    Raises UserError for sizes, channels or filters that make no sense; in `setup`, for pictures that cannot be read.
    """

    def __init__(
        self,
        source: Callable[..., Any],
        name: str,
        image_size: int,
        channels: int,
        batch_size: int,
        seed: int,
        load_size: int | None = None,
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
    ) -> None:
        super().__init__()
        if load_size is not None and load_size < image_size:
            raise UserError(
                f"data.load_size={load_size}: squares of data.image_size={image_size} are cut out of it; give as much "
                "or more, or null to cut nothing."
            )
        if test_images is not None and test_images < 1:
            raise UserError(f"data.test_images={test_images}: give 1 or more, or null for all.")
        if direction not in DIRECTIONS:
            raise UserError(f"data.direction={direction}: choose one of {', '.join(DIRECTIONS)}.")
        if num_classes is not None:
            raise UserError(f"data.num_classes={num_classes}: image-to-image data has no labels; give null.")
        self.source = source
        self.name = name
        self.image_size = image_size
        self.channels = channels
        self.num_classes = num_classes
        self.batch_size = batch_size
        self.seed = seed
        self.load_size = image_size if load_size is None else load_size
        self.flip = flip
        self.split = split
        self.test_split = test_split
        self.test_images = test_images
        self.direction = direction
        self.resize_filter = resize_filter
        self.in_memory = in_memory
        self.workers = workers
        self.root = root
        self.decoder = Decoder(image_size, channels, resize_filter)
        self._training_decoder = Decoder(self.load_size, channels, resize_filter)
        self._opened: tuple[Any, Any] | None = None
        self._sides: Sides | None = None
        self._test_pairs: TestPairs | None = None

    @abstractmethod
    def _decoded(self, opened: Any, decoder: Decoder, choose: Choice) -> Sides:
        """Return what the source has opened, those of its pictures that are chosen, ready to be read."""

    @abstractmethod
    def _collections(self, split: str) -> list[Collection]:
        """Return the pictures of a split as they are, for an inspection."""

    def collections(self) -> dict[str, Callable[[], list[Collection]]]:
        """Return what opens the pictures of each split as they are, before any is decoded, for an inspection."""
        return {split: partial(self._collections, split) for split in (self.split, self.test_split)}

    def prepare_data(self) -> None:
        """Download what is missing, once a machine."""
        self._opened = self._open()

    def setup(self, stage: str = "fit") -> None:
        """Open both splits and decode them into memory if they fit; a second call does nothing."""
        if self._sides is not None:
            return
        train, test = self._open() if self._opened is None else self._opened
        self._opened = None
        self._sides = self._decoded(train, self._training_decoder, lambda pictures: pictures)
        self._test_pairs = TestPairs(self._decoded(test, self.decoder, self._tested), self.image_size)
        self._tell(
            f"{self._numbers()} of {self.channels}x{self.image_size}x{self.image_size} to train on"
            f"{self._augmentation()}, {len(self._test_pairs):,} to test"
        )

    @property
    def sides(self) -> Sides:
        """The inputs and targets to train on, after `setup`."""
        if self._sides is None:
            raise RuntimeError(f"data {self.name}: call setup() first")
        return self._sides

    @property
    def test_pairs(self) -> TestPairs:
        """The test split, after `setup`."""
        if self._test_pairs is None:
            raise RuntimeError(f"data {self.name}: call setup() first")
        return self._test_pairs

    @property
    def dataset(self) -> OneSide:
        """The targets to train on, without augmentation, as a data set of images, after `setup`."""
        return self.sides.targets(self.image_size)

    @property
    def num_images(self) -> int:
        """The number of pairs to train on, or of images of the larger domain."""
        return max(self.sides.lengths)

    @property
    def images_per_epoch(self) -> int:
        """The number of images in one epoch of whole batches."""
        return self.num_images // self.batch_size * self.batch_size

    def train_dataloader(self) -> DataLoader[dict[str, Tensor]]:
        """Return an endless loader that begins where the trainer's module has got to.

        Raises UserError if the batch size does not fit the data set or the number of ranks.
        """
        orders = [
            global_batches(length, self.batch_size, self.seed, self.trainer, purpose)
            for length, purpose in zip(self.sides.lengths, ORDERS, strict=False)
        ]
        pairs = TrainingPairs(self.sides, CropAndFlip(self.image_size, self.flip, self.seed))
        workers = max(workers_for(store, self.workers, self._processes_here()) for store in self.sides.stores)
        return endless_loader(pairs, NumberedBatches(*orders), workers)

    def val_dataloader(self) -> DataLoader[dict[str, Tensor]]:
        """Return all of the test split, {"number": (B,), "input", "image"}, each item on one rank only."""
        batch_size = min(MOST_A_TEST_BATCH, max(1, PIXELS_A_TEST_BATCH // self.image_size**2))
        return once_loader(self.test_pairs, len(self.test_pairs), batch_size, self.trainer)

    def examples(self, n: int) -> dict[str, Tensor]:
        """Return the first n items of the test split, {"number", "input", "image"}, images as float32 in [-1, 1]."""
        return self.test_pairs.examples(n)

    def on_after_batch_transfer(self, batch: Any, dataloader_idx: int) -> Any:
        """Scale uint8 images to float32 in [-1, 1], on the device they are on by now."""
        return {key: to_signed_unit(value) for key, value in batch.items()}

    def _open(self) -> tuple[Any, Any]:
        return self.source(split=self.split), self.source(split=self.test_split)

    def _tested(self, pictures: Pictures) -> Pictures:
        # Shuffled, since pictures often lie class by class, and the same for all runs.
        order = torch.randperm(len(pictures), generator=generator(0, "test images"))
        return Part(pictures, order[: self.test_images].numpy())

    def _store(self, pictures: Pictures, decoder: Decodes, what: str) -> Store:
        if len(pictures) == 0:
            raise UserError(f"{self._where()} has no images ({what}).")
        store, how = stored(pictures, decoder, False, self.in_memory, self.workers, self._processes_here())
        self._tell(f"{len(pictures):,} {what} {how}")
        return store

    def _numbers(self) -> str:
        names = ("pairs",) if len(self.sides.lengths) == 1 else ("inputs", "targets")
        return " and ".join(f"{length:,} {name}" for length, name in zip(self.sides.lengths, names, strict=True))

    def _augmentation(self) -> str:
        cut = [f"cut at random from {self.load_size}x{self.load_size}"] if self.load_size > self.image_size else []
        flipped = ["half of them mirrored"] if self.flip else []
        return f" ({', '.join(cut + flipped)})" if cut + flipped else ""

    def _processes_here(self) -> int:
        return 1 if self.trainer is None else max(1, self.trainer.num_devices)

    def _where(self) -> str:
        return f"{self.name}" if self.root is None else f"{self.name} {self.root}"

    def _tell(self, what: str) -> None:
        if self.trainer is None or self.trainer.is_global_zero:
            log.info("data: %s, %s", self._where(), what)
