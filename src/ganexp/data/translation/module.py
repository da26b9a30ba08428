"""LightningDataModules of image-to-image translation: paired and unpaired images."""

from collections.abc import Callable, Sequence
from functools import partial
from operator import attrgetter
from typing import Any, TypedDict, Unpack

from ganexp.data.depth.percentiles import measured_range
from ganexp.data.picture_set import PictureSet
from ganexp.data.pictures import Domains, Pictures
from ganexp.data.translation.base import Subset, TranslationData
from ganexp.data.translation.degradations import Degradation, Nothing
from ganexp.data.translation.items import Decoders, DegradedItems, PairedItems
from ganexp.data.translation.pairs import PairedImages, UnpairedImages
from ganexp.data.translation.ranges import Ranges


class PairedData(TranslationData):
    """Paired images: input i and image i of a batch belong together and get the same crop and flip.

    `source(split=…)` returns pairs or, with a `degradation`, pictures from which the inputs are made.
    """

    @property
    def items(self) -> PairedItems | DegradedItems:
        """The way in which an item of the source becomes an input and its target."""
        if self.degradation is not None:
            return DegradedItems(self.degradation)
        return PairedItems(self.decoding.other_input_channels)

    def _picture_sets(self, split: str) -> list[PictureSet]:
        pictures = self.source(split=split)
        if self.decoding.value_range is not None:
            self._measure(pictures if split == self.split else self.source(split=self.split))
        decoder = self.items.decoder(self.decoding.decoders(self.image_size))
        return [PictureSet(split, pictures, decoder, self.items)]

    def _measured_ranges(self, opened: Pictures) -> Ranges:
        inputs = measured_range(opened, self.decoding.input_channels, self.decoding.percentiles, attrgetter("input"))
        return Ranges(inputs, measured_range(opened, self.channels, self.decoding.percentiles, attrgetter("target")))

    def _decoded(self, opened: Pictures, decoders: Decoders, subset: Subset) -> PairedImages:
        return PairedImages(self._store(subset(opened), self.items.decoder(decoders), "pairs"), self.items)


class TranslationSettings(TypedDict, total=False):
    """The optional arguments of `TranslationData` that `UnpairedData` passes on."""

    load_size: int | Sequence[int] | None
    flip: bool
    split: str
    test_split: str
    test_images: int | None
    direction: str
    resize_filter: str
    in_memory: bool | None
    workers: int | None
    num_classes: None
    device_memory_share: float
    jitter_until: float | None
    value_range: str | Sequence[float] | None
    percentiles: Sequence[float]
    input_channels: int | None
    input_value_range: Sequence[float] | None


class UnpairedData(TranslationData):
    """Two unpaired domains: input i and image i of a batch are drawn, cropped and flipped independently.

    `source(split=…)` returns `Domains`, or pictures that `domains(split=…, source=source)` turns into domains, such
    as `halves` does. `a`, `b`, `test_a` and `test_b` are the folders of the images, for messages only.
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
        domains: Callable[..., Domains] | None = None,
        root: str | None = None,
        a: str | None = None,
        b: str | None = None,
        test_a: str | None = None,
        test_b: str | None = None,
        **settings: Unpack[TranslationSettings],
    ) -> None:
        self.degrade = Nothing() if degradation is None else degradation
        super().__init__(
            source if domains is None else partial(domains, source=source),
            name,
            image_size,
            channels,
            batch_size,
            seed,
            self.degrade,
            root=root or " ".join(folder for folder in (a, b, test_a, test_b) if folder) or None,
            **settings,
        )

    def _picture_sets(self, split: str) -> list[PictureSet]:
        domains: Domains = self.source(split=split)
        if self.decoding.value_range is not None:
            self._measure(domains if split == self.split else self.source(split=self.split))
        decoders = self.decoding.decoders(self.image_size)
        inputs = PictureSet(f"{split} inputs", domains.inputs, decoders.inputs, lambda pixels: (self.degrade(pixels),))
        targets = PictureSet(f"{split} targets", domains.targets, decoders.targets)
        # Pictures that are both inputs and targets are inspected once.
        return [inputs] if domains.inputs is domains.targets else [inputs, targets]

    def _measured_ranges(self, opened: Domains) -> Ranges:
        inputs = measured_range(opened.inputs, self.decoding.input_channels, self.decoding.percentiles)
        return Ranges(inputs, measured_range(opened.targets, self.channels, self.decoding.percentiles))

    def _decoded(self, opened: Domains, decoders: Decoders, subset: Subset) -> UnpairedImages:
        inputs = self._store(subset(opened.inputs), decoders.inputs, "inputs")
        same = opened.inputs is opened.targets and decoders.inputs is decoders.targets
        targets = inputs if same else self._store(subset(opened.targets), decoders.targets, "targets")
        return UnpairedImages(inputs, targets, self.degrade, opened.aligned)
