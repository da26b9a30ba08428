"""Decoded inputs and targets of one split, read together or apart."""

import hashlib
from collections.abc import Callable, Sequence
from typing import Protocol

from torch import Tensor
from torch.utils.data import Dataset

from ganexp.data.augmentation import centre
from ganexp.data.degradations import Degradation
from ganexp.data.pairing import Given, Made
from ganexp.data.storage import Store

Cut = Callable[[Tensor, str], Tensor]
"""From decoded images and the purpose of a draw to what is cut out of them."""


class OneSide(Dataset[dict[str, Tensor]]):
    """The inputs or the targets alone, as a data set of images {"image": uint8 (C, S, S)} without augmentation."""

    def __init__(self, store: Store, take: Callable[[Tensor], Tensor], image_size: int, what: str) -> None:
        self.store = store
        self.take = take
        self.image_size = image_size
        self.what = what

    def __len__(self) -> int:
        return len(self.store)

    def __getitem__(self, index: int) -> dict[str, Tensor]:
        return {"image": self.__getitems__([index])["image"][0]}

    def __getitems__(self, indices: Sequence[int]) -> dict[str, Tensor]:
        """Return one batch {"image": (B, C, S, S)}."""
        return {"image": self.take(centre(self.store.__getitems__(indices)["image"], self.image_size))}

    def checksum(self) -> str:
        """Return a checksum of the pictures and of what is made of them."""
        text = f"{self.store.checksum()} {self.image_size} {self.what}"
        return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


class Sides(Protocol):
    """Inputs and targets.

    ``lengths`` has one number for pairs, and two where inputs and targets are drawn apart. ``aligned`` says that input
    i and target i show the same subject.
    """

    lengths: tuple[int, ...]
    stores: tuple[Store, ...]
    aligned: bool

    def read(self, indices: Sequence[Sequence[int]], cut: Cut) -> tuple[Tensor, Tensor]:
        """Return inputs and targets, uint8 (B, C, S, S) each, for indices (B,) into each of the lengths."""
        ...

    def inputs(self, image_size: int) -> OneSide:
        """Return the inputs alone."""
        ...

    def targets(self, image_size: int) -> OneSide:
        """Return the targets alone."""
        ...


class Paired:
    """Inputs and targets that belong together: one order, and one cut for both."""

    def __init__(self, store: Store, pairing: Given | Made) -> None:
        self.store = store
        self.stores: tuple[Store, ...] = (store,)
        self.pairing = pairing
        self.lengths: tuple[int, ...] = (len(store),)
        self.aligned = True

    def read(self, indices: Sequence[Sequence[int]], cut: Cut) -> tuple[Tensor, Tensor]:
        """Return inputs and targets."""
        (pairs,) = indices
        return self.pairing(cut(self.store.__getitems__(pairs)["image"], "augmentation"))

    def inputs(self, image_size: int) -> OneSide:
        """Return the inputs alone."""
        return OneSide(self.store, lambda whole: self.pairing(whole)[0], image_size, f"inputs of {self.pairing}")

    def targets(self, image_size: int) -> OneSide:
        """Return the targets alone."""
        return OneSide(self.store, lambda whole: self.pairing(whole)[1], image_size, "targets")


class Unpaired:
    """Inputs and targets that are drawn apart: two orders, and a cut for each."""

    def __init__(self, of_inputs: Store, of_targets: Store, degradation: Degradation, aligned: bool = False) -> None:
        self.of_inputs = of_inputs
        self.of_targets = of_targets
        self.stores: tuple[Store, ...] = (of_inputs, of_targets)
        self.degradation = degradation
        self.lengths: tuple[int, ...] = (len(of_inputs), len(of_targets))
        self.aligned = aligned

    def read(self, indices: Sequence[Sequence[int]], cut: Cut) -> tuple[Tensor, Tensor]:
        """Return inputs, degraded, and targets."""
        inputs = cut(self.of_inputs.__getitems__(indices[0])["image"], "augmentation of inputs")
        targets = cut(self.of_targets.__getitems__(indices[1])["image"], "augmentation")
        return self.degradation(inputs), targets

    def inputs(self, image_size: int) -> OneSide:
        """Return the inputs alone."""
        return OneSide(self.of_inputs, self.degradation, image_size, f"inputs of {self.degradation}")

    def targets(self, image_size: int) -> OneSide:
        """Return the targets alone."""
        return OneSide(self.of_targets, lambda whole: whole, image_size, "targets")
