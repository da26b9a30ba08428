"""Inputs and targets as data sets: augmented to train on, and whole to test on."""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.utils.data import Dataset

from ganexp.data.augmentation import CropAndFlip, centre
from ganexp.data.sides import OneSide, Sides
from ganexp.data.values import to_signed_unit
from ganexp.numerics.randomness import derived_seed, seed_globals


class TrainingPairs(Dataset[dict[str, Tensor]]):
    """Batches {"input": (B, C, S, S), "image": (B, C, S, S)} of uint8, for what `NumberedBatches` yields."""

    def __init__(self, sides: Sides, augment: CropAndFlip) -> None:
        self.sides = sides
        self.augment = augment

    def __getitems__(self, numbered: Sequence[tuple[int, ...]]) -> dict[str, Tensor]:
        """Return one batch."""
        positions, *indices = zip(*numbered, strict=True)
        # For users' own code, as in `Repeatable`.
        seed_globals(derived_seed(self.augment.seed, "reading", positions[0]))
        inputs, images = self.sides.read(indices, lambda whole, purpose: self.augment(whole, positions, purpose))
        return {"input": inputs, "image": images}


class TestPairs(Dataset[dict[str, Tensor]]):
    """The test split without augmentation, {"number": (), "input": (C, S, S), "image": (C, S, S)} of uint8.

    ``aligned`` says that an input and its image show the same subject, so that a translated input can be compared
    with its image. Otherwise there are as many as the smaller domain has.
    """

    # Not a test, whatever pytest thinks.
    __test__ = False

    def __init__(self, sides: Sides, image_size: int) -> None:
        self.sides = sides
        self.image_size = image_size
        self.aligned = sides.aligned

    def __len__(self) -> int:
        return min(self.sides.lengths)

    def __getitem__(self, number: int) -> dict[str, Tensor]:
        return {key: value[0] for key, value in self.__getitems__([number]).items()}

    def __getitems__(self, numbers: Sequence[int]) -> dict[str, Tensor]:
        """Return one batch."""
        both = [numbers] * len(self.sides.lengths)
        inputs, images = self.sides.read(both, lambda whole, _: centre(whole, self.image_size))
        return {"number": torch.tensor(numbers), "input": inputs, "image": images}

    @property
    def inputs(self) -> OneSide:
        """The inputs alone, as a data set of images."""
        return self.sides.inputs(self.image_size)

    @property
    def targets(self) -> OneSide:
        """The targets alone, as a data set of images."""
        return self.sides.targets(self.image_size)

    def examples(self, n: int) -> dict[str, Tensor]:
        """Return the first n items, or all if there are fewer, as a batch of float32 in [-1, 1]."""
        batch = self.__getitems__(list(range(min(n, len(self)))))
        return {key: to_signed_unit(value) for key, value in batch.items()}
