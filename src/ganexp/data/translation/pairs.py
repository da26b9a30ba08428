"""Image pairs: inputs of a translation and their targets, as training and test sets."""

import hashlib
from collections.abc import Callable, Sequence
from typing import Protocol

import torch
from torch import Tensor
from torch.utils.data import Dataset

from ganexp.data.storage import Store
from ganexp.data.translation.augmentation import CropAndFlip, center_crop
from ganexp.data.translation.degradations import Degradation, reason_for_host
from ganexp.data.translation.items import DegradedItems, PairedItems
from ganexp.data.values import to_signed_unit
from ganexp.image_size import ImageSize
from ganexp.numerics.randomness import derived_seed, seed_globals

Crop = Callable[[Tensor, str], Tensor]
"""Crops decoded images; the string is the purpose of its random draws."""


class SingleDomain(Dataset[dict[str, Tensor]]):
    """The inputs or the targets alone, as a data set {"image": uint8 (C, H, W)} without augmentation.

    ``description`` is part of the checksum, which names cached features.
    """

    def __init__(
        self, store: Store, transform: Callable[[Tensor], Tensor], image_size: ImageSize, description: str
    ) -> None:
        self.store = store
        self.transform = transform
        self.image_size = image_size
        self.description = description

    def __len__(self) -> int:
        return len(self.store)

    def __getitem__(self, index: int) -> dict[str, Tensor]:
        return {"image": self.__getitems__([index])["image"][0]}

    def __getitems__(self, indices: Sequence[int]) -> dict[str, Tensor]:
        """Return one batch {"image": (B, C, H, W)}."""
        return {"image": self.transform(center_crop(self.store.__getitems__(indices)["image"], self.image_size))}

    def checksum(self) -> str:
        """Return a checksum of the pictures and of the transform."""
        text = f"{self.store.checksum()} {self.image_size} {self.description}"
        return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


class ImagePairs(Protocol):
    """Decoded inputs and targets of one split.

    ``lengths`` has one number for pairs, and two where inputs and targets are drawn independently; so have ``stores``,
    and ``purposes`` for the random draws of their crops. ``aligned`` says that input i and target i show the same
    subject, ``reason_for_host`` why `combined` takes only images in the host's memory, None if it takes any.
    """

    lengths: tuple[int, ...]
    stores: tuple[Store, ...]
    purposes: tuple[str, ...]
    aligned: bool
    reason_for_host: str | None

    def combined(self, crops: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
        """Return inputs and targets, uint8 (B, C, H, W) each, of the cropped items of each store."""
        ...

    def inputs(self, image_size: ImageSize) -> SingleDomain:
        """Return the inputs alone."""
        ...

    def targets(self, image_size: ImageSize) -> SingleDomain:
        """Return the targets alone."""
        ...


class PairedImages:
    """Inputs and targets that belong together: drawn in one order, with the same crop for both."""

    def __init__(self, store: Store, split: PairedItems | DegradedItems) -> None:
        self.store = store
        self.stores: tuple[Store, ...] = (store,)
        self.purposes: tuple[str, ...] = ("augmentation",)
        self.split = split
        self.reason_for_host = split.reason_for_host
        self.lengths: tuple[int, ...] = (len(store),)
        self.aligned = True

    def combined(self, crops: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
        """Return inputs and targets."""
        (items,) = crops
        return self.split(items)

    def inputs(self, image_size: ImageSize) -> SingleDomain:
        """Return the inputs alone."""
        return SingleDomain(self.store, lambda items: self.split(items)[0], image_size, f"inputs of {self.split}")

    def targets(self, image_size: ImageSize) -> SingleDomain:
        """Return the targets alone."""
        return SingleDomain(self.store, lambda items: self.split(items)[1], image_size, "targets")


class UnpairedImages:
    """Inputs and targets drawn independently: an order and a crop for each."""

    def __init__(
        self, input_store: Store, target_store: Store, degradation: Degradation, aligned: bool = False
    ) -> None:
        self.input_store = input_store
        self.target_store = target_store
        self.stores: tuple[Store, ...] = (input_store, target_store)
        self.purposes: tuple[str, ...] = ("augmentation of inputs", "augmentation")
        self.degradation = degradation
        self.reason_for_host = reason_for_host(degradation)
        self.lengths: tuple[int, ...] = (len(input_store), len(target_store))
        self.aligned = aligned

    def combined(self, crops: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
        """Return degraded inputs and targets."""
        inputs, targets = crops
        return self.degradation(inputs), targets

    def inputs(self, image_size: ImageSize) -> SingleDomain:
        """Return the inputs alone."""
        return SingleDomain(self.input_store, self.degradation, image_size, f"inputs of {self.degradation}")

    def targets(self, image_size: ImageSize) -> SingleDomain:
        """Return the targets alone."""
        return SingleDomain(self.target_store, lambda images: images, image_size, "targets")


def read_pairs(pairs: ImagePairs, indices: Sequence[Sequence[int]], crop: Crop) -> tuple[Tensor, Tensor]:
    """Return inputs and targets, uint8 (B, C, H, W) each, for indices (B,) into each of the lengths."""
    chosen = zip(pairs.stores, indices, pairs.purposes, strict=True)
    return pairs.combined([crop(store.__getitems__(items)["image"], purpose) for store, items, purpose in chosen])


class TrainingPairs(Dataset[dict[str, Tensor]]):
    """Augmented batches {"input": (B, C, H, W), "image": (B, C, H, W)} of uint8, indexed by `NumberedBatches`."""

    def __init__(self, pairs: ImagePairs, augment: CropAndFlip) -> None:
        self.pairs = pairs
        self.augment = augment

    def __getitems__(self, numbered: Sequence[tuple[int, ...]]) -> dict[str, Tensor]:
        """Return one batch."""
        positions, *indices = zip(*numbered, strict=True)
        # For random draws in users' own code, as in `Repeatable`.
        seed_globals(derived_seed(self.augment.seed, "reading", positions[0]))
        inputs, images = read_pairs(
            self.pairs, indices, lambda images, purpose: self.augment(images, positions, purpose)
        )
        return {"input": inputs, "image": images}


class TestPairs(Dataset[dict[str, Tensor]]):
    """The test split without augmentation, {"number": (), "input": (C, H, W), "image": (C, H, W)} of uint8.

    ``aligned`` says that an input and its image show the same subject, so that a translated input can be compared
    with its image. Without alignment, the length is that of the smaller domain.
    """

    # Keeps pytest from collecting this class.
    __test__ = False

    def __init__(self, pairs: ImagePairs, image_size: ImageSize) -> None:
        self.pairs = pairs
        self.image_size = image_size
        self.aligned = pairs.aligned

    def __len__(self) -> int:
        return min(self.pairs.lengths)

    def __getitem__(self, number: int) -> dict[str, Tensor]:
        return {key: value[0] for key, value in self.__getitems__([number]).items()}

    def __getitems__(self, numbers: Sequence[int]) -> dict[str, Tensor]:
        """Return one batch."""
        indices = [numbers] * len(self.pairs.lengths)
        inputs, images = read_pairs(self.pairs, indices, lambda images, _: center_crop(images, self.image_size))
        return {"number": torch.tensor(numbers), "input": inputs, "image": images}

    @property
    def inputs(self) -> SingleDomain:
        """The inputs alone, as a data set of images."""
        return self.pairs.inputs(self.image_size)

    @property
    def targets(self) -> SingleDomain:
        """The targets alone, as a data set of images."""
        return self.pairs.targets(self.image_size)

    def examples(self, n: int) -> dict[str, Tensor]:
        """Return the first n items, or all if there are fewer, as a batch of float32 in [-1, 1]."""
        batch = self.__getitems__(list(range(min(n, len(self)))))
        return {key: to_signed_unit(value) for key, value in batch.items()}
