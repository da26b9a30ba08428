"""Vector arithmetic on averaged latents, such as right 0 - left 0 + 1 (arXiv 1511.06434, section 6.3.2)."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import permutations
from pathlib import Path
from statistics import fmean

import torch
from matplotlib.figure import Figure
from torch import Tensor

from ganexp.analysis.concepts import (
    MIN_EXEMPLARS,
    Concept,
    ConceptOption,
    Pool,
    concept_positions,
    encoded_pool,
    expected_attributes,
    parse_concept,
    placeholders,
    reason_against_attributes,
    resolve_placeholders,
    sample_pool,
)
from ganexp.analysis.drawing import save_figure
from ganexp.analysis.projected_noise import ProjectedNoise, projected_noise
from ganexp.analysis.subject import Figures, Subject, needs_images, require_at_least
from ganexp.analysis.walk import images_along
from ganexp.drawing.pictures import grid
from ganexp.errors import UserError
from ganexp.numerics.randomness import generator as rng


def combined(plus: Sequence[Tensor], minus: Sequence[Tensor]) -> Tensor:
    """Return the sum (D,) of the means of the exemplars (K, D) in ``plus``, minus that of those in ``minus``."""
    return sum((latents.mean(0) for latents in plus), torch.zeros(())) - sum(
        (latents.mean(0) for latents in minus), torch.zeros(())
    )


def neighbourhood(latent: Tensor, noise: float, generator: torch.Generator) -> Tensor:
    """Return a latent (D,) and eight neighbours (9, D), with uniform noise in [-noise, noise); the latent is fifth."""
    around = latent + noise * (2 * torch.rand(9, len(latent), generator=generator) - 1)
    around[4] = latent
    return around


@dataclass(frozen=True)
class Sum:
    """One sum as images: exemplars (K, C, H, W) and the image of their mean (1, C, H, W) for each concept.

    ``result`` (9, C, H, W) is the image of the sum in the middle of its neighbours. ``outcome`` is the caption: the
    expected attributes, if there are any, and whether the result has them.
    """

    names: list[str]
    outcome: str
    exemplars: list[Tensor]
    means: list[Tensor]
    result: Tensor


def plot_sums(sums: Sequence[Sum], signs: Sequence[str]) -> Figure:
    """Draw each sum: its concepts' exemplars above the image of their mean, and the result among its neighbours."""
    most = max(len(exemplars) for drawn in sums for exemplars in drawn.exemplars)
    figure = Figure(figsize=(1.3 * len(signs) + 2.4, 2.6 * len(sums)), layout="constrained")
    ratios = [1.0] * len(signs) + [2.2]
    for row, drawn in zip(
        figure.subplots(len(sums), len(ratios), width_ratios=ratios, squeeze=False), sums, strict=True
    ):
        for axis, sign, name, exemplars, mean in zip(
            row, signs, drawn.names, drawn.exemplars, drawn.means, strict=False
        ):
            blank = torch.ones_like(mean)
            axis.imshow(grid(torch.cat([exemplars, *[blank] * (most - len(exemplars)), blank, mean]), 1))
            axis.set_title(f"{sign} {name}", fontsize="x-small")
        row[-1].imshow(grid(drawn.result, 3))
        row[-1].set_title(f"= {drawn.outcome}", fontsize="x-small")
        for axis in row:
            axis.set_axis_off()
    return figure


class Arithmetic:
    """Sums of averaged latents, their neighbourhoods, and whether the results are as expected.

    ``plus`` and ``minus`` are concepts: lists of three numbers of samples or more, or attributes such as thick-class3
    (thick, thin, right, left, class0 …), for which each sum averages ``exemplars`` samples from a ``pool``. classA,
    classB and so on are placeholders for different classes, chosen again for each sum. One more concept is added than
    subtracted, so that the weights sum to 1. ``expect`` are the attributes of the expected result, if they do not
    follow from those of the concepts. There are ``sums`` sums, but only one if all concepts are numbers of samples;
    ``noise`` is that of the neighbours, and the first ``shown`` sums are drawn. With ``pictures``, a file of projected
    pictures or a folder of them for a model with an encoder, numbers are those of its pictures, not of samples. With
    ``encodings`` exemplars of attributes are chosen among training images, by the codes of the model's encoder
    (arXiv 1512.09300, section 4).

    Raises UserError for counts that are too small, invalid concepts, and unless ``plus`` has one concept more than
    ``minus``.
    """

    def __init__(
        self,
        plus: Sequence[ConceptOption] = ("right-classA", "classB"),
        minus: Sequence[ConceptOption] = ("left-classA",),
        expect: str | None = None,
        exemplars: int = 3,
        pool: int = 2000,
        sums: int = 100,
        noise: float = 0.25,
        shown: int = 3,
        pictures: str | None = None,
        encodings: bool = False,
    ) -> None:
        require_at_least(MIN_EXEMPLARS, exemplars=exemplars)
        require_at_least(1, pool=pool, sums=sums, shown=shown)
        if noise < 0:
            raise UserError(f"noise={noise}: it must be 0 or more")
        self.plus = [parse_concept(option, "plus") for option in plus]
        self.minus = [parse_concept(option, "minus") for option in minus]
        if len(self.plus) != len(self.minus) + 1:
            counts = f"plus has {len(self.plus)} concepts and minus {len(self.minus)}"
            raise UserError(f"{counts}: add one more than you subtract, so that the weights sum to 1")
        self.expected = (
            expected_attributes(self.plus, self.minus) if expect is None else parse_concept(expect, "expect").attributes
        )
        self.exemplars = exemplars
        self.pool = pool
        self.sums = 1 if all(concept.samples for concept in self.concepts) else sums
        self.noise = noise
        self.shown = shown
        self.pictures = pictures
        self.encodings = encodings

    @property
    def concepts(self) -> list[Concept]:
        """All concepts: those to add, then those to subtract."""
        return self.plus + self.minus

    def reason_against(self, subject: Subject) -> str | None:
        """Return why the analysis does not apply, such as to attributes without strokes or classes, or None."""
        attributes = {item for concept in self.concepts for item in concept.attributes} | set(self.expected)
        if self.encodings and subject.encoder is None:
            return "encodings=true: this model has no encoder"
        return needs_images(subject) or reason_against_attributes(subject, attributes)

    def __call__(self, subject: Subject, out: Path) -> Figures:
        """Write arithmetic.png, the first sums; return the share of results that are as expected, and by chance."""
        pool = (encoded_pool if self.encodings else sample_pool)(subject, self.pool)
        choices = self._choices(pool, subject.seed)
        classes = [choices[number % len(choices)] for number in range(self.sums)]
        drawn = [self._sum(subject, pool, number, chosen) for number, chosen in enumerate(classes)]
        signs = ["+"] * len(self.plus) + ["−"] * len(self.minus)
        save_figure(plot_sums(drawn[: self.shown], signs), out / "arithmetic.png")
        return {"sums": self.sums, **(self._shares(pool, drawn, classes) if self.expected else {})}

    def _choices(self, pool: Pool, seed: int) -> list[dict[str, int]]:
        """Return, in random order, the choices of classes for the placeholders with enough exemplars of each concept.

        Raises UserError if there are none.
        """
        names = placeholders(self.concepts)
        choices = [
            dict(zip(names, classes, strict=True)) for classes in permutations(range(pool.num_classes), len(names))
        ]
        concepts = [concept for concept in self.concepts if concept.attributes]
        enough = [
            classes
            for classes in choices
            if all(
                len(pool.with_attributes(concept.with_classes(classes).attributes)) >= self.exemplars
                for concept in concepts
            )
        ]
        if not enough:
            for concept in concepts:
                concept_positions(pool, concept.with_classes(choices[0] if choices else {}), self.exemplars)
            raise UserError(
                f"no classes have {self.exemplars} samples of each concept among {self.pool:,} samples; increase pool="
            )
        order = torch.randperm(len(enough), generator=rng(seed, "classes"))
        return [enough[int(number)] for number in order]

    def _sum(self, subject: Subject, pool: Pool, number: int, classes: Mapping[str, int]) -> Sum:
        concepts = [concept.with_classes(classes) for concept in self.concepts]
        chosen = [self._exemplars(subject, pool, concept, number * 100 + i) for i, concept in enumerate(concepts)]
        latents, labels = zip(*chosen, strict=True)
        split = len(self.plus)
        total = combined(latents[:split], latents[split:])
        around = neighbourhood(total, self.noise, rng(subject.seed, "neighbourhood", number))
        mixture = None if labels[0] is None else combined(labels[:split], labels[split:])
        images = images_along(subject, around, None if mixture is None else mixture.expand(9, -1))
        exemplars = [images_along(subject, latents, labels) for latents, labels in chosen]
        means = [images_along(subject, z.mean(0, True), None if c is None else c.mean(0, True)) for z, c in chosen]
        return Sum(
            [str(concept) for concept in concepts], self._outcome(pool, images, classes), exemplars, means, images
        )

    def _outcome(self, pool: Pool, images: Tensor, classes: Mapping[str, int]) -> str:
        if not self.expected:
            return "?"
        attributes = resolve_placeholders(self.expected, classes)
        return f"{'-'.join(attributes)}: {'yes' if bool(pool.have(attributes, images)[4]) else 'no'}"

    def _exemplars(self, subject: Subject, pool: Pool, concept: Concept, number: int) -> tuple[Tensor, Tensor | None]:
        """Return latents (K, latent) and, of a conditional generator, the weights (K, num_classes) of its labels."""
        if concept.samples:
            source = self._source(subject)
            latents, labels = source.latents_of(concept.samples), source.labels_of(concept.samples)
        else:
            positions = concept_positions(pool, concept, self.exemplars)
            order = torch.randperm(len(positions), generator=rng(subject.seed, "exemplars", number))
            chosen = positions[order[: self.exemplars]]
            latents, labels = pool.latents[chosen], None if pool.labels is None else pool.labels[chosen]
        return latents, None if labels is None else subject.weights(labels)

    def _source(self, subject: Subject) -> Subject | ProjectedNoise:
        return subject if self.pictures is None else projected_noise(self.pictures, subject)

    def _shares(self, pool: Pool, drawn: Sequence[Sum], classes: Sequence[Mapping[str, int]]) -> Figures:
        """Return the shares of results and of their neighbours that are as expected, and the share by chance."""
        sums = list(zip(drawn, classes, strict=True))

        def successes(attributes: Sequence[str]) -> Tensor:
            return torch.stack(
                [pool.have(resolve_placeholders(attributes, chosen), one.result) for one, chosen in sums]
            ).double()

        def chance(attributes: Sequence[str]) -> float:
            return fmean(
                float(pool.have(resolve_placeholders(attributes, chosen)).double().mean()) for chosen in classes
            )

        as_expected = successes(self.expected)
        share = float(as_expected[:, 4].mean())
        figures: Figures = {
            "expected": "-".join(self.expected),
            "share_as_expected": share,
            "share_error": math.sqrt(share * (1 - share) / len(as_expected)),
            "share_of_neighbours_as_expected": float(as_expected[:, [0, 1, 2, 3, 5, 6, 7, 8]].mean()),
            "chance": chance(self.expected),
        }
        for item in self.expected if len(self.expected) > 1 else ():
            figures |= {f"share_{item}": float(successes([item])[:, 4].mean()), f"chance_{item}": chance([item])}
        return figures
