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
from ganexp.errors import UserError

Measure = Callable[[Tensor], Tensor]

PROPERTIES: dict[str, tuple[Measure, bool]] = {
    "thick": (stroke_width, True),
    "thin": (stroke_width, False),
    "right": (slant, True),
    "left": (slant, False),
}
"""Words for the samples whose measure is in the upper quarter (True) or the lower one."""
CLASS = re.compile(r"class(\d+|[A-Z])")
FEWEST = 3

Given = str | Sequence[int]
"""A concept as the user gives it."""


@dataclass(frozen=True)
class Concept:
    """Samples of these numbers, or those of which all the words are true."""

    numbers: tuple[int, ...] = ()
    words: tuple[str, ...] = ()

    def __str__(self) -> str:
        return "-".join(self.words) if self.words else ", ".join(map(str, self.numbers))

    def of(self, classes: Mapping[str, int]) -> "Concept":
        """Return the concept with classes in the place of letters, such as class3 for classA."""
        return Concept(self.numbers, named(self.words, classes))


def concept(given: Given, name: str) -> Concept:
    """Return a concept from words such as thick-class3, or from the numbers of three samples or more.

    Raises UserError, which mentions the option of that ``name``, for anything else.
    """
    if isinstance(given, str):
        words = tuple(given.split("-"))
        unknown = [word for word in words if word not in PROPERTIES and not CLASS.fullmatch(word)]
        if unknown:
            choices = f"{', '.join(PROPERTIES)} and class0, class1, …"
            raise UserError(f"{name}: {given}: {unknown[0]!r} is no word for samples; there are {choices}, joined by -")
        return Concept(words=words)
    if not isinstance(given, list | tuple) or len(given) < FEWEST:
        raise UserError(f"{name}: {given}: give words, such as thick-class3, or a list of {FEWEST} numbers or more")
    return Concept(numbers=tuple(given))


def named(words: Sequence[str], classes: Mapping[str, int]) -> tuple[str, ...]:
    """Return the words with classes in the place of letters."""
    return tuple(f"class{classes[word[5:]]}" if word[5:] in classes else word for word in words)


def letters(concepts: Sequence[Concept]) -> list[str]:
    """Return the letters that stand for classes, such as A for classA."""
    names = {match[1] for operand in concepts for word in operand.words if (match := CLASS.fullmatch(word))}
    return sorted(name for name in names if name.isalpha())


def remaining(plus: Sequence[Concept], minus: Sequence[Concept]) -> tuple[str, ...]:
    """Return the words that the result of adding and subtracting concepts should have."""
    added, taken = (Counter(word for operand in side for word in operand.words) for side in (plus, minus))
    return tuple(added - taken)


class Pool:
    """Samples to find concepts among: their latents (N, latent), images (N, C, H, W) in [-1, 1] and classes.

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

    def having(self, words: Sequence[str]) -> Tensor:
        """Return the positions of the samples of which all words are true; a conditional one's class is its label."""
        classes = self.own_logits.argmax(1) if self.labels is None else self.labels
        return self._true(words, classes, self.measured).nonzero()[:, 0]

    def true(self, words: Sequence[str], images: Tensor | None = None) -> Tensor:
        """Return of which images (N, C, H, W) all words are true, bool (N,), for the classifier and the measures.

        Without images, of which of the pool's.
        """
        if images is None:
            return self._true(words, self.own_logits.argmax(1), self.measured)
        return self._true(words, self.logits(images).argmax(1), lambda measure: measure(images))

    def measured(self, measure: Measure) -> Tensor:
        """Return what is measured (N,) of the pool's images."""
        if measure not in self._measured:
            self._measured[measure] = measure(self.images)
        return self._measured[measure]

    def _true(self, words: Sequence[str], classes: Tensor, measured: Callable[[Measure], Tensor]) -> Tensor:
        true = torch.ones(len(classes), dtype=torch.bool)
        for word in words:
            match = CLASS.fullmatch(word)
            if match:
                true &= classes == self._class(match[1])
            else:
                measure, upper = PROPERTIES[word]
                limit = self.measured(measure).quantile(0.75 if upper else 0.25)
                true &= measured(measure) > limit if upper else measured(measure) < limit
        return true

    def _class(self, name: str) -> int:
        """Return the number of a class; raises UserError for one that there is not."""
        if not name.isdigit() or int(name) >= self.num_classes:
            raise UserError(f"class{name}: there is no such class; they are class0 to class{self.num_classes - 1}")
        return int(name)


def needs_words(subject: Subject, words: set[str]) -> str | None:
    """Return why some of the words do not apply to a subject's samples, or None."""
    numbers = "give numbers of samples instead (analysis=contact_sheet), such as plus=[[1,2,3],[4,5,6]] minus=[[7,8,9]]"
    strokes = sorted(words & set(PROPERTIES))
    if strokes and subject.shape[0] != 1:
        return f"{', '.join(strokes)}: measured of strokes in grey images only; {numbers}"
    classes = sorted(word for word in words if CLASS.fullmatch(word))
    if classes and subject.extractor.description.get("labels") == "rotations":
        return f"{', '.join(classes)}: the data has no classes; {numbers}"
    return None


def pool_of(subject: Subject, n: int) -> Pool:
    """Return the first samples as a pool to find concepts among."""
    latents, labels = subject.latents(n), subject.labels(n)
    return Pool(latents, subject.images(latents, labels), lambda images: subject.outputs(images)["logits"], labels)


def positions_of(pool: Pool, wanted: Concept, least: int = FEWEST) -> Tensor:
    """Return the positions of all samples of a concept in words; raises UserError if they are fewer than ``least``."""
    positions = pool.having(wanted.words)
    if len(positions) < least:
        n = len(pool.latents)
        raise UserError(
            f"{wanted}: {len(positions)} of {n:,} samples are so, not {least}; other words, or pool={10 * n}"
        )
    return positions
