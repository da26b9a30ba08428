"""Pose direction in latent space: the "turn" vector between two averaged poses (arXiv 1511.06434, section 6.3.2)."""

from dataclasses import dataclass
from pathlib import Path

import torch
from matplotlib.figure import Figure
from torch import Tensor

from ganexp.analysis.concepts import PROPERTIES, Concept, Given, Pool, concept, needs_words, pool_of, positions_of
from ganexp.analysis.drawing import rows, save_figure
from ganexp.analysis.subject import Figures, Subject, needs_images, require_at_least
from ganexp.drawing.pictures import save
from ganexp.errors import UserError


def moved(latents: Tensor, direction: Tensor, shares: Tensor) -> Tensor:
    """Return latents (N, D) moved by each of the shares (T,) of a direction (D,): (N, T, D)."""
    return latents[:, None] + shares[:, None] * direction


@dataclass(frozen=True)
class PoseSweep:
    """Measured ``values`` (N, T) and predicted ``classes`` (N, T) of samples moved by shares (T,) of a direction."""

    shares: Tensor
    values: Tensor
    classes: Tensor


def plot_turn(sweep: PoseSweep, measured: str, spread: float) -> Figure:
    """Draw the mean of what is measured along the line, with the samples' standard deviation, and classes that stay."""
    figure = Figure(figsize=(8, 3.2), layout="constrained")
    left, right = figure.subplots(1, 2)
    mean, deviation = sweep.values.mean(0), sweep.values.std(0, correction=0)
    left.plot(sweep.shares, mean)
    left.fill_between(sweep.shares, mean - deviation, mean + deviation, alpha=0.2)
    left.set_ylabel(measured)
    left.set_title(f"a sample's standard deviation is {spread:.2f}", fontsize="small")
    right.plot(sweep.shares, kept(sweep).mean(0))
    right.set_ylabel("share of samples that\nkeep their class")
    right.set_ylim(0, 1.05)
    for axis in (left, right):
        axis.set_xlabel("share of the turn vector added")
    return figure


def kept(sweep: PoseSweep) -> Tensor:
    """Return where samples have the class that they have unmoved, 0 or 1, float64 (N, T)."""
    return (sweep.classes == sweep.classes[:, sweep.shares.abs().argmin(), None]).double()


class PoseDirection:
    """Samples moved along the line from the mean of ``start`` to the mean of ``end``, and what is measured on the way.

    Both are words for samples, such as left and right, or lists of three numbers or more. Words take all samples of a
    ``pool``. ``measured`` is the word whose measure is followed; null: that of ``end``. ``samples`` others are moved
    from -``reach`` to ``reach`` times the vector in ``steps``; ``shown`` are drawn.

    Raises UserError for counts that are too small, concepts that are none, and where nothing can be measured.
    """

    def __init__(
        self,
        start: Given = "left",
        end: Given = "right",
        measured: str | None = None,
        pool: int = 1000,
        samples: int = 200,
        reach: float = 1.5,
        steps: int = 13,
        shown: int = 8,
    ) -> None:
        require_at_least(1, pool=pool, samples=samples, shown=shown)
        require_at_least(2, steps=steps)
        if reach <= 0:
            raise UserError(f"reach={reach}: it must be above 0")
        self.start = concept(start, "start")
        self.end = concept(end, "end")
        properties = [word for word in self.end.words if word in PROPERTIES]
        if measured is None and len(properties) != 1:
            raise UserError(f"end={end}: say what to follow: measured={'|'.join(PROPERTIES)}")
        self.measured = properties[0] if measured is None else measured
        if self.measured not in PROPERTIES:
            raise UserError(f"measured={measured}: choose one of {', '.join(PROPERTIES)}")
        self.pool = pool
        self.samples = samples
        self.reach = reach
        self.steps = steps
        self.shown = shown

    def reason_against(self, subject: Subject) -> str | None:
        """Return why the analysis does not apply: points are no images, and slant and width are measured of strokes."""
        return needs_images(subject) or needs_words(subject, {self.measured, *self.start.words, *self.end.words})

    def __call__(self, subject: Subject, out: Path) -> Figures:
        """Write turn.png and measured.png; return how what is measured changes, in standard deviations of samples."""
        pool = pool_of(subject, self.pool)
        direction = self._mean(subject, pool, self.end) - self._mean(subject, pool, self.start)
        # Samples that are in neither mean.
        numbers = range(self.pool, self.pool + self.samples)
        labels = subject.labels_of(numbers)
        shares = torch.linspace(-self.reach, self.reach, self.steps)
        ways = moved(subject.latents_of(numbers), direction, shares).flatten(0, 1)
        images = subject.images(ways, None if labels is None else labels.repeat_interleave(self.steps))
        drawn = images.unflatten(0, (self.samples, self.steps))
        save(rows(list(drawn[: self.shown])), out / "turn.png")
        measure, upper = PROPERTIES[self.measured]
        classes = subject.outputs(images)["logits"].argmax(1).view(self.samples, self.steps)
        sweep = PoseSweep(shares, measure(images).view(self.samples, self.steps), classes)
        spread = float(measure(pool.images).std())
        save_figure(plot_turn(sweep, measure.__name__.replace("_", " "), spread), out / "measured.png")
        change = (sweep.values[:, -1] - sweep.values[:, 0]) * (1 if upper else -1)
        return {
            "measured": measure.__name__,
            "shares": shares.tolist(),
            "values": sweep.values.mean(0).tolist(),
            "change_in_standard_deviations": float(change.mean()) / max(spread, 1e-12),
            "share_turned_the_right_way": float((change > 0).double().mean()),
            "chance": 0.5,
            "share_of_classes_kept": kept(sweep).mean(0).tolist(),
        }

    def _mean(self, subject: Subject, pool: Pool, of: Concept) -> Tensor:
        if of.numbers:
            return subject.latents_of(of.numbers).mean(0)
        return pool.latents[positions_of(pool, of)].mean(0)
