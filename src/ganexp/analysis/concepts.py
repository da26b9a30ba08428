"""Concepts that samples share: chosen samples, a class, or a measured property of strokes."""

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from ganexp.analysis.properties import slant, stroke_width
from ganexp.analysis.subject import Subject
from ganexp.data.values import to_signed_unit
from ganexp.errors import UserError
from ganexp.metrics.classification_tasks import HALF_TURNS, QUARTER_TURNS
from ganexp.numerics.randomness import BLOCK

Measure = Callable[[Tensor], Tensor]

PROPERTIES: dict[str, tuple[Measure, bool]] = {
    "thick": (stroke_width, True),
    "thin": (stroke_width, False),
    "right": (slant, True),
    "left": (slant, False),
}
"""Attributes of the samples whose measure is in the upper quartile (True) or in the lower one."""
CLASS = re.compile(r"class(\d+|[A-Z])")
MIN_EXEMPLARS = 3

ConceptOption = str | Sequence[int]
"""A concept as an option: attributes joined by -, or numbers of samples."""


@dataclass(frozen=True)
class Concept:
    """The samples with given numbers, or those that have all given attributes."""

    samples: tuple[int, ...] = ()
    attributes: tuple[str, ...] = ()

    def __str__(self) -> str:
        return "-".join(self.attributes) if self.attributes else ", ".join(map(str, self.samples))

    def with_classes(self, classes: Mapping[str, int]) -> "Concept":
        """Return the concept with class numbers in place of placeholders, such as class3 for classA."""
        return Concept(self.samples, resolve_placeholders(self.attributes, classes))


def parse_concept(option: ConceptOption, name: str) -> Concept:
    """Return a concept from attributes such as thick-class3, or from the numbers of three samples or more.

    Raises UserError, with the ``name`` of the option, for anything else.
    """
    if isinstance(option, str):
        attributes = tuple(option.split("-"))
        unknown = [item for item in attributes if item not in PROPERTIES and not CLASS.fullmatch(item)]
        if unknown:
            choices = f"{', '.join(PROPERTIES)} and class0, class1, …"
            raise UserError(f"{name}: {option}: {unknown[0]!r} is not an attribute; choose from {choices}, joined by -")
        return Concept(attributes=attributes)
    if not isinstance(option, list | tuple) or len(option) < MIN_EXEMPLARS:
        raise UserError(
            f"{name}: {option}: give attributes, such as thick-class3, or a list of {MIN_EXEMPLARS} numbers or more"
        )
    return Concept(samples=tuple(option))


def resolve_placeholders(attributes: Sequence[str], classes: Mapping[str, int]) -> tuple[str, ...]:
    """Return the attributes with class numbers in place of placeholders."""
    return tuple(f"class{classes[item[5:]]}" if item[5:] in classes else item for item in attributes)


def placeholders(concepts: Sequence[Concept]) -> list[str]:
    """Return the letters that are placeholders for classes, such as A in classA."""
    names = {match[1] for concept in concepts for item in concept.attributes if (match := CLASS.fullmatch(item))}
    return sorted(name for name in names if name.isalpha())


def expected_attributes(plus: Sequence[Concept], minus: Sequence[Concept]) -> tuple[str, ...]:
    """Return the attributes that the result of adding and subtracting concepts should have."""
    added, subtracted = (Counter(item for concept in side for item in concept.attributes) for side in (plus, minus))
    return tuple(added - subtracted)


class Pool:
    """Samples in which exemplars of concepts are sought: latents (N, latent) and images (N, C, H, W) in [-1, 1].

    ``logits`` maps images to logits (N, K) of the classes. ``labels`` (N,) are those of a conditional generator.
    """

    def __init__(
        self, latents: Tensor, images: Tensor, logits: Callable[[Tensor], Tensor], labels: Tensor | None = None
    ) -> None:
        self.latents = latents
        self.images = images
        self.logits = logits
        self.labels = labels
        self._measured: dict[Measure, Tensor] = {}

    @cached_property
    def own_logits(self) -> Tensor:
        """The logits (N, K) of the pool's images."""
        return self.logits(self.images)

    @property
    def num_classes(self) -> int:
        """The number K of classes."""
        return self.own_logits.shape[1]

    def with_attributes(self, attributes: Sequence[str]) -> Tensor:
        """Return the positions of the samples with all attributes; the class of a conditional sample is its label."""
        classes = self.own_logits.argmax(1) if self.labels is None else self.labels
        return self._have(attributes, classes, self.measured).nonzero()[:, 0]

    def have(self, attributes: Sequence[str], images: Tensor | None = None) -> Tensor:
        """Return which images (N, C, H, W) have all attributes by the classifier and the measures, bool (N,).

        Without images, those of the pool are used.
        """
        if images is None:
            return self._have(attributes, self.own_logits.argmax(1), self.measured)
        return self._have(attributes, self.logits(images).argmax(1), lambda measure: measure(images))

    def measured(self, measure: Measure) -> Tensor:
        """Return a measure (N,) of the pool's images."""
        if measure not in self._measured:
            self._measured[measure] = measure(self.images)
        return self._measured[measure]

    def _have(self, attributes: Sequence[str], classes: Tensor, measured: Callable[[Measure], Tensor]) -> Tensor:
        have = torch.ones(len(classes), dtype=torch.bool)
        for item in attributes:
            match = CLASS.fullmatch(item)
            if match:
                have &= classes == self._class(match[1])
            else:
                measure, upper = PROPERTIES[item]
                threshold = self.measured(measure).quantile(0.75 if upper else 0.25)
                have &= measured(measure) > threshold if upper else measured(measure) < threshold
        return have

    def _class(self, name: str) -> int:
        """Return the number of a class; raises UserError if it does not exist."""
        if not name.isdigit() or int(name) >= self.num_classes:
            raise UserError(f"class{name}: there is no such class; they are class0 to class{self.num_classes - 1}")
        return int(name)


def reason_against_attributes(subject: Subject, attributes: set[str]) -> str | None:
    """Return why some of the attributes do not apply to a subject's samples, or None."""
    numbers = "give numbers of samples instead (analysis=contact_sheet), such as plus=[[1,2,3],[4,5,6]] minus=[[7,8,9]]"
    strokes = sorted(attributes & set(PROPERTIES))
    if strokes and subject.shape[0] != 1:
        return f"{', '.join(strokes)}: measured of strokes in grey images only; {numbers}"
    classes = sorted(item for item in attributes if CLASS.fullmatch(item))
    if classes and subject.extractor.description.get("labels") in (QUARTER_TURNS, HALF_TURNS):
        return f"{', '.join(classes)}: the data has no classes; {numbers}"
    return None


def sample_pool(subject: Subject, n: int) -> Pool:
    """Return the first n samples as a pool."""
    latents, labels = subject.latents(n), subject.labels(n)
    return Pool(latents, subject.images(latents, labels), lambda images: subject.outputs(images)["logits"], labels)


def encoded_pool(subject: Subject, n: int) -> Pool:
    """Return a random choice of n training images as a pool, with the codes that the model's encoder gives them."""
    real = subject.training.at_most(max(2, n), subject.seed)
    images = torch.cat([to_signed_unit(batch) for batch in real.batches(BLOCK)])
    return Pool(subject.encodings(images), images, lambda images: subject.outputs(images)["logits"])


def concept_positions(pool: Pool, concept: Concept, least: int = MIN_EXEMPLARS) -> Tensor:
    """Return the positions in a pool of all samples with a concept's attributes.

    Raises UserError if there are fewer than ``least``.
    """
    positions = pool.with_attributes(concept.attributes)
    if len(positions) < least:
        n = len(pool.latents)
        raise UserError(
            f"{concept}: {len(positions)} of {n:,} samples match, at least {least} are needed; "
            f"use other attributes or pool={10 * n}"
        )
    return positions
