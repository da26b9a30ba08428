"""Pose direction in latent space: the "turn" vector between two averaged poses (arXiv 1511.06434, section 6.3.2)."""

from dataclasses import dataclass
from pathlib import Path

import torch
from matplotlib.figure import Figure
from torch import Tensor

from ganexp.analysis.concepts import (
    PROPERTIES,
    Concept,
    ConceptOption,
    Pool,
    concept_positions,
    parse_concept,
    reason_against_attributes,
    sample_pool,
)
from ganexp.analysis.drawing import rows, save_figure
from ganexp.analysis.subject import Figures, Subject, needs_images, require_at_least
from ganexp.drawing.pictures import save
from ganexp.errors import UserError


def moved(latents: Tensor, direction: Tensor, multiples: Tensor) -> Tensor:
    """Return latents (N, T, D): each of (N, D) moved by the multiples (T,) of a direction (D,)."""
    return latents[:, None] + multiples[:, None] * direction


@dataclass(frozen=True)
class PoseSweep:
    """Measured ``values`` (N, T) and predicted ``classes`` (N, T) of samples moved by multiples (T,) of a direction."""

    multiples: Tensor
    values: Tensor
    classes: Tensor


def plot_turn(sweep: PoseSweep, measured: str, spread: float) -> Figure:
    """Draw the mean ± standard deviation of the property along the direction, and the share of classes kept."""
    figure = Figure(figsize=(8, 3.2), layout="constrained")
    left, right = figure.subplots(1, 2)
    mean, deviation = sweep.values.mean(0), sweep.values.std(0, correction=0)
    left.plot(sweep.multiples, mean)
    left.fill_between(sweep.multiples, mean - deviation, mean + deviation, alpha=0.2)
    left.set_ylabel(measured)
    left.set_title(f"standard deviation over samples: {spread:.2f}", fontsize="small")
    right.plot(sweep.multiples, class_kept(sweep).mean(0))
    right.set_ylabel("share of samples that\nkeep their class")
    right.set_ylim(0, 1.05)
    for axis in (left, right):
        axis.set_xlabel("multiple of the turn vector added")
    return figure


def class_kept(sweep: PoseSweep) -> Tensor:
    """Return whether moved samples keep their class, 0 or 1, float64 (N, T)."""
    return (sweep.classes == sweep.classes[:, sweep.multiples.abs().argmin(), None]).double()


class PoseDirection:
    """Samples moved along the vector from the mean latent of ``start`` to that of ``end``, and a property of them.

    Both are concepts: attributes such as left and right, averaged over all samples of a ``pool`` that have them, or
    lists of three numbers of samples or more. ``measured`` is the attribute whose property is measured; null: that of
    ``end``. ``samples`` other samples are moved from -``reach`` to ``reach`` times the vector in ``steps``; ``shown``
    of them are drawn.

    Raises UserError for counts that are too small, for invalid concepts, and if no property to measure is given.
    """

    def __init__(
        self,
        start: ConceptOption = "left",
        end: ConceptOption = "right",
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
        self.start = parse_concept(start, "start")
        self.end = parse_concept(end, "end")
        properties = [item for item in self.end.attributes if item in PROPERTIES]
        if measured is None and len(properties) != 1:
            raise UserError(f"end={end}: name the property to measure: measured={'|'.join(PROPERTIES)}")
        self.measured = properties[0] if measured is None else measured
        if self.measured not in PROPERTIES:
            raise UserError(f"measured={measured}: choose one of {', '.join(PROPERTIES)}")
        self.pool = pool
        self.samples = samples
        self.reach = reach
        self.steps = steps
        self.shown = shown

    def reason_against(self, subject: Subject) -> str | None:
        """Return why the analysis does not apply, such as to images without strokes, or None."""
        attributes = {self.measured, *self.start.attributes, *self.end.attributes}
        return needs_images(subject) or reason_against_attributes(subject, attributes)

    def __call__(self, subject: Subject, out: Path) -> Figures:
        """Write turn.png and measured.png; return the change of the property, in standard deviations over samples."""
        pool = sample_pool(subject, self.pool)
        direction = self._mean(subject, pool, self.end) - self._mean(subject, pool, self.start)
        # Samples outside of the pool, which are in neither mean.
        numbers = range(self.pool, self.pool + self.samples)
        labels = subject.labels_of(numbers)
        multiples = torch.linspace(-self.reach, self.reach, self.steps)
        latents = moved(subject.latents_of(numbers), direction, multiples).flatten(0, 1)
        images = subject.images(latents, None if labels is None else labels.repeat_interleave(self.steps, 0))
        drawn = images.unflatten(0, (self.samples, self.steps))
        save(rows(list(drawn[: self.shown])), out / "turn.png")
        measure, upper = PROPERTIES[self.measured]
        classes = subject.outputs(images)["logits"].argmax(1).view(self.samples, self.steps)
        sweep = PoseSweep(multiples, measure(images).view(self.samples, self.steps), classes)
        spread = float(measure(pool.images).std())
        save_figure(plot_turn(sweep, measure.__name__.replace("_", " "), spread), out / "measured.png")
        change = (sweep.values[:, -1] - sweep.values[:, 0]) * (1 if upper else -1)
        return {
            "measured": measure.__name__,
            "shares": multiples.tolist(),
            "values": sweep.values.mean(0).tolist(),
            "change_in_standard_deviations": float(change.mean()) / max(spread, 1e-12),
            "share_turned_the_right_way": float((change > 0).double().mean()),
            "chance": 0.5,
            "share_of_classes_kept": class_kept(sweep).mean(0).tolist(),
        }

    def _mean(self, subject: Subject, pool: Pool, concept: Concept) -> Tensor:
        if concept.samples:
            return subject.latents_of(concept.samples).mean(0)
        return pool.latents[concept_positions(pool, concept)].mean(0)
