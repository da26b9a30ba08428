"""Subject of an analysis: a trained model, its noise and its data."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, NamedTuple, Protocol

import torch
from torch import Tensor, nn
from torch.nn.functional import one_hot

from ganexp.analysis.discriminators import Opponent
from ganexp.data.memory import InMemory
from ganexp.data.values import to_signed_unit
from ganexp.drawing.pictures import as_saved
from ganexp.errors import UserError
from ganexp.metrics.extractor import Extractor
from ganexp.metrics.reference import CachedReference, RealImages
from ganexp.noise import Codes, Noise, numbered
from ganexp.numerics.randomness import BLOCK, blocks
from ganexp.records.class_names import attribute_text

MOST_SAMPLES = 1_000_000
LISTED = 20
"""Number of class names in a message."""

Figures = dict[str, Any]
"""Results of an analysis by name: numbers and strings, in containers that JSON can represent."""


class HeldOut(NamedTuple):
    """Real images that were not trained on, or None, and a description of them or of why there are none."""

    images: RealImages | None
    description: str


def no_training() -> RealImages:
    """Raise UserError: there are no training images."""
    raise UserError("this analysis needs the training images, and none were given")


def no_held_out() -> HeldOut:
    """Return an empty held-out set."""
    return HeldOut(None, "no images were held out")


def no_extractor(images: RealImages) -> Extractor:
    """Raise UserError: there is no feature extractor."""
    raise UserError("this analysis needs features, and no extractor was given")


def no_untrained(seed: int) -> Opponent:
    """Raise UserError: the discriminator's architecture is unknown."""
    raise UserError("this analysis compares with an untrained discriminator, and none was given")


def no_truncation(threshold: float) -> "Subject":
    """Raise UserError: the noise cannot be truncated."""
    raise UserError(f"truncation={threshold}: this generator's noise cannot be truncated")


@dataclass
class Subject:
    """A generator, its discriminator and its data; expensive parts are computed lazily.

    ``generator`` maps noise (N, latent), and labels (N,) if it is conditional, to images (N, C, H, W) in [-1, 1]; it is
    the moving average if there is one. ``num_classes`` is None for an unconditional generator. With ``attributes`` (M,
    num_classes) of 0 and 1, those of training images, labels are such rows (N, num_classes) instead of classes.
    ``opponent`` is its discriminator. Samples are those that ``sample run=DIR seed=`` writes. A subject depends neither
    on runs nor on Lightning, so a notebook can build one.
    """

    latents_are: ClassVar[str] = "noise"
    """What the generator takes as ``noise``."""
    generator: nn.Module
    noise: Noise
    latent: int
    num_classes: int | None = None
    class_names: Sequence[str] | None = None
    """The names of the classes, or of the attributes, by number, where they have any."""
    attributes: Tensor | None = None
    columns: int = 10
    """So many classes, or sets of attributes, samples have in turn."""
    seed: int = 0
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))
    opponent: Opponent | None = None
    encoder: Callable[[Tensor], Tensor] | None = None
    """Maps images (N, C, H, W) in [-1, 1] to their noise (N, latent), for a model with an encoder."""
    untrained: Callable[[int], Opponent] = no_untrained
    """Maps a seed to an untrained discriminator of the same architecture."""
    load_training: Callable[[], RealImages] = no_training
    load_held_out: Callable[[], HeldOut] = no_held_out
    load_labelled: Callable[[], tuple[RealImages, HeldOut]] | None = None
    load_extractor: Callable[[RealImages], Extractor] = no_extractor
    truncated: Callable[[float], "Subject"] = no_truncation
    """Maps a threshold to the same subject with truncated noise; raises UserError if it cannot be truncated."""
    codes: Codes | None = None
    """Which columns of the noise are codes, if any are."""
    styles: Any = None
    """The `StyleSpace` of a generator that maps noise to styles; None for others."""
    reader: nn.Module | None = None
    """The layers that read the noise alone, where the whole generator need not be run to find them."""

    def __post_init__(self) -> None:
        self.generator.eval()
        if self.opponent is not None:
            self.opponent.network.eval()

    def latents(self, n: int) -> Tensor:
        """Return the noise (n, latent) of the samples 0 to n - 1."""
        return torch.cat([numbered(self.noise, self.latent, block, self.seed) for block in blocks(n)])

    def labels(self, n: int) -> Tensor | None:
        """Return the labels (n, …) of the samples 0 to n - 1, in turn; None for an unconditional generator."""
        return self.labels_of(range(n))

    def latents_of(self, numbers: Sequence[int]) -> Tensor:
        """Return the noise (N, latent) of the samples with these numbers.

        Raises UserError for numbers outside of [0, 1,000,000).
        """
        out_of_range = [number for number in numbers if not (isinstance(number, int) and 0 <= number < MOST_SAMPLES)]
        if out_of_range:
            raise UserError(f"{out_of_range}: samples have the numbers 0 to {MOST_SAMPLES - 1:,}")
        drawn = {n // BLOCK: numbered(self.noise, self.latent, whole_block(n // BLOCK), self.seed) for n in numbers}
        return torch.stack([drawn[number // BLOCK][number % BLOCK] for number in numbers])

    def labels_of(self, numbers: Sequence[int]) -> Tensor | None:
        """Return the labels (N, …) of the samples with these numbers; None for an unconditional generator."""
        return None if self.num_classes is None else self._in_turn(torch.tensor(list(numbers)), self.columns)

    def all_labels(self, n: int) -> Tensor | None:
        """Return labels (n, …): every class, or the attributes of every training image, in turn; None as above."""
        return None if self.num_classes is None else self._in_turn(torch.arange(n), None)

    def _in_turn(self, numbers: Tensor, most: int | None) -> Tensor:
        """Return the labels with these numbers, which repeat the first ``most``, None being all."""
        if self.attributes is not None:
            sets = self.attributes[:most]
            return sets[numbers % len(sets)]
        assert self.num_classes is not None
        return numbers % min(self.num_classes, most or self.num_classes)

    def weights(self, labels: Tensor) -> Tensor:
        """Return the weights (N, num_classes) of the labels' embeddings: one-hot classes, or attributes as numbers."""
        if self.attributes is not None:
            return labels.float()
        assert self.num_classes is not None
        return one_hot(labels, self.num_classes).float()

    def label_name(self, label: Tensor) -> str:
        """Return the name of a class (), or a set of attributes (num_classes,) as NAME+NAME."""
        if self.attributes is None:
            return self.class_name(int(label))
        return attribute_text(label.tolist(), [self.class_name(number) for number in range(len(label))])

    def class_name(self, label: int) -> str:
        """Return the name of a class or, without names, its number."""
        named = self.class_names is not None and len(self.class_names) == self.num_classes
        return self.class_names[label] if self.class_names is not None and named else str(label)

    def class_number(self, label: int | str) -> int:
        """Return the number of a class that is given by number or by name.

        Raises UserError for a name that no class or several classes have.
        """
        if isinstance(label, int):
            return label
        names = list(self.class_names or [])
        if names.count(label) != 1:
            have = "several classes have this name: give a number" if label in names else "no class has this name"
            listed = f"; there are: {', '.join(names[:LISTED])}" if names else "; give a number"
            raise UserError(f"label={label}: {have}{listed}")
        return names.index(label)

    @torch.no_grad()
    def images(self, latents: Tensor, labels: Tensor | None = None) -> Tensor:
        """Return images (N, C, H, W) in [-1, 1], float32 on the CPU, from noise (N, latent) and labels (N, …).

        Without labels, a conditional generator takes those of the samples 0 to N - 1.
        """
        labels = self.labels(len(latents)) if labels is None else labels
        inputs = (latents,) if labels is None else (latents, labels)
        parts = zip(*(tensor.split(BLOCK) for tensor in inputs), strict=True)
        return torch.cat([self.generator(*(tensor.to(self.device) for tensor in part)).float().cpu() for part in parts])

    def samples(self, n: int) -> Tensor:
        """Return the samples 0 to n - 1 as they are saved, uint8 (n, C, H, W).

        Raises UserError if some are not finite.
        """
        return as_saved(self.images(self.latents(n)))

    def encodings(self, images: Tensor) -> Tensor:
        """Return the noise (N, latent), on the CPU, that the model's encoder finds for images (N, C, H, W).

        They are bytes or in [-1, 1]. Raises UserError for a model without an encoder.
        """
        if self.encoder is None:
            raise UserError("this model has no encoder: project the pictures (analysis=projection)")
        return torch.cat([self.encoder(to_signed_unit(part)).cpu() for part in images.split(BLOCK)])

    @cached_property
    def shape(self) -> tuple[int, int, int]:
        """The channels, height and width of an image."""
        channels, height, width = self.images(self.latents(1)).shape[1:]
        return channels, height, width

    @property
    def draws_points(self) -> bool:
        """Whether images are points in the plane, as images of one pixel."""
        return self.shape[1:] == (1, 1)

    @cached_property
    def training(self) -> RealImages:
        """The images that the generator was trained on."""
        return self.load_training()

    @cached_property
    def held_out(self) -> HeldOut:
        """Real images that it was not trained on."""
        return self.load_held_out()

    @cached_property
    def labelled(self) -> tuple[RealImages, HeldOut]:
        """Labelled images for training and for testing: training and held-out images unless others are given."""
        return (self.training, self.held_out) if self.load_labelled is None else self.load_labelled()

    @cached_property
    def extractor(self) -> Extractor:
        """The feature extractor, which also returns logits of the data's classes: a classifier trained on the data."""
        return self.load_extractor(self.training)

    def outputs(self, images: Tensor) -> dict[str, Tensor]:
        """Return the extractor's outputs by name, on the CPU, of images (N, C, H, W), uint8 or in [-1, 1]."""
        pixels = images if images.dtype == torch.uint8 else as_saved(images)
        parts = [self.extractor(part.to(self.device)) for part in pixels.split(BLOCK)]
        return {name: torch.cat([part[name].cpu() for part in parts]) for name in parts[0]}

    def features(self, images: RealImages | Tensor) -> Tensor:
        """Return features (N, D), float32 on the processor, of a data set or of images, uint8 (N, C, H, W).

        They are cached under a checksum of the images, like the features of real images for scores.
        """
        if isinstance(images, Tensor):
            table = InMemory(images)
            images = RealImages(table, table.checksum())
        return CachedReference(images, self.extractor, self.device).features().cpu()


class Analysis(Protocol):
    """An analysis, with its options as constructor arguments."""

    def reason_against(self, subject: Subject) -> str | None:
        """Return a one-line reason why the analysis does not apply to this subject, or None."""
        ...

    def __call__(self, subject: Subject, out: Path) -> Figures:
        """Write pictures into a folder and return the results."""
        ...


def needs_images(subject: Subject) -> str | None:
    """Return the reason if the generator draws points instead of images, or None."""
    return "it draws points, not images" if subject.draws_points else None


def needs_classes(images: RealImages) -> str | None:
    """Return the reason if images do not have a class each, or None."""
    labels = images.labels()
    if labels is None:
        return "the data have no labels"
    return None if labels.dim() == 1 else "the data have several attributes for each image, not one class"


def require_at_least(least: int, **values: int) -> None:
    """Raise UserError, with its name, if a value is below ``least``."""
    for name, value in values.items():
        if value < least:
            raise UserError(f"{name}={value}: it must be {least} or more")


def whole_block(number: int) -> Tensor:
    """Return the numbers (BLOCK,) of all samples of a block."""
    return torch.arange(number * BLOCK, (number + 1) * BLOCK)
