"""Vector arithmetic on averaged latents: right 0 - left 0 + 1 = right 1? (arXiv 1511.06434, section 6.3.2)."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import permutations
from pathlib import Path
from statistics import fmean

import torch
from matplotlib.figure import Figure
from torch import Tensor
from torch.nn.functional import one_hot

from ganexp.analysis.concepts import (
    FEWEST,
    Concept,
    Given,
    Pool,
    concept,
    letters,
    named,
    needs_words,
    pool_of,
    positions_of,
    remaining,
)
from ganexp.analysis.drawing import save_figure
from ganexp.analysis.subject import Figures, Subject, needs_images, require_at_least
from ganexp.analysis.walk import images_along
from ganexp.drawing.pictures import grid
from ganexp.errors import UserError
from ganexp.numerics.randomness import generator as rng


def combined(plus: Sequence[Tensor], minus: Sequence[Tensor]) -> Tensor:
    """Return the sum of the means of the exemplars (K, D) to add, less those to subtract: (D,)."""
    return sum((latents.mean(0) for latents in plus), torch.zeros(())) - sum(
        (latents.mean(0) for latents in minus), torch.zeros(())
    )


def neighbourhood(latent: Tensor, noise: float, generator: torch.Generator) -> Tensor:
    """Return a latent (D,) as the fifth of nine (9, D), the others with uniform noise of [-noise, noise) added."""
    around = latent + noise * (2 * torch.rand(9, len(latent), generator=generator) - 1)
    around[4] = latent
    return around


@dataclass(frozen=True)
class Sum:
    """One sum as images: each concept's exemplars (K, C, H, W), what their mean draws (1, C, H, W), and what comes out.

    ``result`` (9, C, H, W) has the sum itself in the middle, and around it its neighbours. ``outcome`` says in words
    the expected result, if there is one, and whether it came out.
    """

    names: list[str]
    outcome: str
    exemplars: list[Tensor]
    means: list[Tensor]
    result: Tensor


def plot_sums(sums: Sequence[Sum], signs: Sequence[str]) -> Figure:
    """Draw each sum: its concepts' exemplars above what their mean draws, and the result among its neighbours."""
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

    ``plus`` and ``minus`` are concepts: lists of three numbers of samples or more, or words such as thick-class3
    (thick, thin, right, left, class0 …), of which each sum takes the mean of ``exemplars`` samples out of a ``pool``.
    classA and other letters stand for any class, other letters for another one, anew in each sum. One concept more is
    added than subtracted, so that the result is a latent like others. ``expect`` says in words what should come out,
    where that does not follow from words. There are ``sums`` sums, one where numbers leave no choice; ``noise`` is that
    of the neighbours, and the first ``shown`` sums are drawn.

    Raises UserError for counts that are too small, concepts that are none, and sides that do not fit.
    """

    def __init__(
        self,
        plus: Sequence[Given] = ("right-classA", "classB"),
        minus: Sequence[Given] = ("left-classA",),
        expect: str | None = None,
        exemplars: int = 3,
        pool: int = 2000,
        sums: int = 100,
        noise: float = 0.25,
        shown: int = 3,
    ) -> None:
        require_at_least(FEWEST, exemplars=exemplars)
        require_at_least(1, pool=pool, sums=sums, shown=shown)
        if noise < 0:
            raise UserError(f"noise={noise}: it must be 0 or more")
        self.plus = [concept(given, "plus") for given in plus]
        self.minus = [concept(given, "minus") for given in minus]
        if len(self.plus) != len(self.minus) + 1:
            counts = f"plus has {len(self.plus)} concepts and minus {len(self.minus)}"
            raise UserError(f"{counts}: add one more than you subtract, so that the result is a latent like others")
        self.expected = remaining(self.plus, self.minus) if expect is None else concept(expect, "expect").words
        self.exemplars = exemplars
        self.pool = pool
        self.sums = 1 if all(operand.numbers for operand in self.concepts) else sums
        self.noise = noise
        self.shown = shown

    @property
    def concepts(self) -> list[Concept]:
        """All concepts, those to add first."""
        return self.plus + self.minus

    def reason_against(self, subject: Subject) -> str | None:
        """Return why the analysis does not apply: points are no images, and words need strokes or classes."""
        words = {word for operand in self.concepts for word in operand.words} | set(self.expected)
        return needs_images(subject) or needs_words(subject, words)

    def __call__(self, subject: Subject, out: Path) -> Figures:
        """Write arithmetic.png, the first sums; return the share of results that are as they should, against chance."""
        pool = pool_of(subject, self.pool)
        choices = self._choices(pool, subject.seed)
        classes = [choices[number % len(choices)] for number in range(self.sums)]
        drawn = [self._sum(subject, pool, number, chosen) for number, chosen in enumerate(classes)]
        signs = ["+"] * len(self.plus) + ["−"] * len(self.minus)
        save_figure(plot_sums(drawn[: self.shown], signs), out / "arithmetic.png")
        return {"sums": self.sums, **(self._shares(pool, drawn, classes) if self.expected else {})}

    def _choices(self, pool: Pool, seed: int) -> list[dict[str, int]]:
        """Return, in random order, the classes that the letters can stand for, so that each concept has exemplars.

        Raises UserError if there are none.
        """
        names = letters(self.concepts)
        choices = [
            dict(zip(names, classes, strict=True)) for classes in permutations(range(pool.num_classes), len(names))
        ]
        in_words = [operand for operand in self.concepts if operand.words]
        enough = [
            classes
            for classes in choices
            if all(len(pool.having(operand.of(classes).words)) >= self.exemplars for operand in in_words)
        ]
        if not enough:
            for operand in in_words:
                positions_of(pool, operand.of(choices[0] if choices else {}), self.exemplars)
            raise UserError(
                f"no classes have {self.exemplars} samples of each concept among {self.pool:,}; try a larger pool="
            )
        order = torch.randperm(len(enough), generator=rng(seed, "classes"))
        return [enough[int(number)] for number in order]

    def _sum(self, subject: Subject, pool: Pool, number: int, classes: Mapping[str, int]) -> Sum:
        concepts = [operand.of(classes) for operand in self.concepts]
        chosen = [self._exemplars(subject, pool, operand, number * 100 + i) for i, operand in enumerate(concepts)]
        latents, labels = zip(*chosen, strict=True)
        split = len(self.plus)
        total = combined(latents[:split], latents[split:])
        around = neighbourhood(total, self.noise, rng(subject.seed, "neighbourhood", number))
        mixed = None if labels[0] is None else combined(labels[:split], labels[split:])
        images = images_along(subject, around, None if mixed is None else mixed.expand(9, -1))
        exemplars = [images_along(subject, latents, labels) for latents, labels in chosen]
        means = [images_along(subject, z.mean(0, True), None if c is None else c.mean(0, True)) for z, c in chosen]
        return Sum(
            [str(operand) for operand in concepts], self._outcome(pool, images, classes), exemplars, means, images
        )

    def _outcome(self, pool: Pool, images: Tensor, classes: Mapping[str, int]) -> str:
        if not self.expected:
            return "?"
        words = named(self.expected, classes)
        return f"{'-'.join(words)}: {'yes' if bool(pool.true(words, images)[4]) else 'no'}"

    def _exemplars(self, subject: Subject, pool: Pool, operand: Concept, number: int) -> tuple[Tensor, Tensor | None]:
        """Return latents (K, latent) and, of a conditional generator, classes (K, num_classes), one-hot."""
        if operand.numbers:
            latents, labels = subject.latents_of(operand.numbers), subject.labels_of(operand.numbers)
        else:
            positions = positions_of(pool, operand, self.exemplars)
            order = torch.randperm(len(positions), generator=rng(subject.seed, "exemplars", number))
            chosen = positions[order[: self.exemplars]]
            latents, labels = pool.latents[chosen], None if pool.labels is None else pool.labels[chosen]
        if labels is None or subject.num_classes is None:
            return latents, None
        return latents, one_hot(labels, subject.num_classes).float()

    def _shares(self, pool: Pool, drawn: Sequence[Sum], classes: Sequence[Mapping[str, int]]) -> Figures:
        """Return how many results are as expected, the middle ones and their neighbours, and what to compare with."""
        sums = list(zip(drawn, classes, strict=True))

        def true(words: Sequence[str]) -> Tensor:
            return torch.stack([pool.true(named(words, classes), drawn.result) for drawn, classes in sums]).double()

        def chance(words: Sequence[str]) -> float:
            return fmean(float(pool.true(named(words, c)).double().mean()) for c in classes)

        whole = true(self.expected)
        share = float(whole[:, 4].mean())
        figures: Figures = {
            "expected": "-".join(self.expected),
            "share_as_expected": share,
            "share_error": math.sqrt(share * (1 - share) / len(whole)),
            "share_of_neighbours_as_expected": float(whole[:, [0, 1, 2, 3, 5, 6, 7, 8]].mean()),
            "chance": chance(self.expected),
        }
        for word in self.expected if len(self.expected) > 1 else ():
            figures |= {f"share_{word}": float(true([word])[:, 4].mean()), f"chance_{word}": chance([word])}
        return figures
