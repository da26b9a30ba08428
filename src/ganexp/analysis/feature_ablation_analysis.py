"""Feature ablation of an object given by boxes, or of a class, in a trained generator: analysis=forget."""

import statistics
from dataclasses import asdict
from pathlib import Path

import torch
from torch import Tensor, nn

from ganexp.analysis.boxes import box_detector, inside_boxes, read_boxes
from ganexp.analysis.drawing import save_figure
from ganexp.analysis.feature_ablation import (
    Ablation,
    Drawing,
    Effect,
    Seen,
    ablate,
    drawing_maps,
    maps_before,
    plot_ablation,
    second_highest,
    strokes,
    without_maps,
)
from ganexp.analysis.subject import Figures, Subject, needs_images, require_at_least
from ganexp.drawing.pictures import grid, save
from ganexp.errors import UserError
from ganexp.numerics.randomness import generator as rng
from ganexp.representations.feature_maps import last_convolution

SHOWN = 10
MOST_VALUES = 2**26  # of feature maps in memory at once, 256 MiB


class FeatureAblation:
    """Drop the feature maps that draw an object in ``samples`` samples.

    The object is what lies in the ``boxes`` of a JSON file, or without one a class of the data, number ``label``, as a
    classifier sees it, by default the one that most samples show; its strokes are compared with those of the others.
    ``strength`` is the inverse of the regression's regularization. The effect is shown for ``counts`` numbers of maps,
    beside ``draws`` random choices of as many.

    Raises UserError for numbers that are too small, and for a label that is no number.
    """

    def __init__(
        self,
        boxes: str | None = None,
        label: int | None = None,
        samples: int = 512,
        strength: float = 1.0,
        counts: int = 6,
        draws: int = 10,
    ) -> None:
        require_at_least(2, samples=samples, draws=draws)
        require_at_least(1, counts=counts)
        if label is not None and not isinstance(label, int):
            raise UserError(f"label={label}: the number of a class is expected, such as 3")
        if not strength > 0:
            raise UserError(f"strength={strength}: it must be above 0")
        self.boxes = boxes
        self.label = label
        self.samples = samples
        self.strength = strength
        self.counts = counts
        self.draws = draws

    def reason_against(self, subject: Subject) -> str | None:
        """Return why the analysis does not apply, or None."""
        if reason := needs_images(subject):
            return reason
        if last_convolution(subject.generator, lambda: subject.images(subject.latents(1))) is None:
            return "its generator has no convolutions, so no feature maps"
        if self.boxes is None and subject.training.labels() is None:
            return "the data have no labels: give boxes=FILE around the object in numbered samples"
        return None

    def __call__(self, subject: Subject, out: Path) -> Figures:
        """Write forget.png and forget_effect.png; return the effect beside that of random maps."""
        latents, labels = subject.latents(self.samples), subject.labels(self.samples)

        def generate() -> Tensor:
            return subject.images(latents, labels)

        before = generate()
        seen = self._seen(subject, before)
        if not seen.present.any():
            raise UserError(f"analysis=forget: {seen.name} is in none of the {self.samples} samples: take more of them")
        convolution = second_highest(subject.generator, lambda: subject.images(latents[:1]))
        drawing = self._drawing(subject, convolution, latents, seen)
        channels = len(drawing.weights)
        ablation = ablate(generate, convolution, channels, drawing, seen, self.counts, self.draws, subject.seed)
        with_it, without = seen.present.nonzero().flatten(), (~seen.present).nonzero().flatten()
        shown = torch.cat([with_it[:SHOWN], without[:SHOWN]])
        order = torch.randperm(channels, generator=rng(subject.seed, "dropped maps", 0))
        rows_of = [seen.images]
        for dropped in (drawing.maps, order[: len(drawing.maps)]):
            with without_maps(convolution, dropped):
                rows_of.append(generate())
        save(grid(torch.cat([images[shown] for images in rows_of]), len(shown)), out / "forget.png")
        save_figure(plot_ablation(ablation), out / "forget_effect.png")
        about = {"object": seen.name, "samples": len(before), "samples_with_it": int(seen.present.sum())}
        return {**about, **figures(ablation, drawing, channels)}

    def _seen(self, subject: Subject, images: Tensor) -> Seen:
        height, width = images.shape[2:]
        if self.boxes is not None:
            boxes = read_boxes(Path(self.boxes).expanduser(), len(images), height, width)
            inside = inside_boxes(boxes, range(len(images)), height, width)
            try:
                detect = box_detector(images, boxes, subject.seed)
            except ValueError as error:
                raise UserError(f"boxes={self.boxes}: {error}") from error
            return Seen(images, inside, ~inside, detect(images), detect, name="what is in the boxes")
        labels = subject.training.labels()
        classes = 0 if labels is None else int(labels.max()) + 1
        if self.label is not None and not 0 <= self.label < classes:
            raise UserError(f"label={self.label}: the data have the classes 0 to {classes - 1}")

        def kinds(shown: Tensor) -> Tensor:
            return subject.outputs(shown)["logits"].argmax(1)

        shows = kinds(images)
        label = int(shows.bincount().argmax()) if self.label is None else self.label
        present = shows == label
        drawn, on_it = strokes(images), present[:, None, None]
        # Compared with the background, the maps that draw strokes of any class would be found.
        others = ~drawn if present.all() else drawn & ~on_it
        return Seen(
            images, drawn & on_it, others, present, lambda shown: kinds(shown) == label, kinds, f"class {label}"
        )

    def _drawing(self, subject: Subject, convolution: nn.Module, latents: Tensor, seen: Seen) -> Drawing:
        """Return which maps draw the object, by as many samples as memory should hold the maps of."""
        one = maps_before(convolution, lambda: subject.images(latents[:1]))
        few = max(32, MOST_VALUES // one.numel())
        # Beside boxes only their own samples are compared: nobody looked at the others.
        rows = (seen.present if self.boxes else torch.ones(len(latents), dtype=torch.bool)).nonzero().flatten()[:few]
        labels = subject.labels(len(latents))
        maps = maps_before(convolution, lambda: subject.images(latents[rows], None if labels is None else labels[rows]))
        try:
            drawing = drawing_maps(maps, seen.inside[rows], seen.outside[rows], self.strength, subject.seed)
        except ValueError as error:
            raise UserError(f"analysis=forget: {error}") from error
        if not len(drawing.maps):
            raise UserError(f"analysis=forget: no feature map draws {seen.name} more than its surroundings")
        return drawing


def figures(ablation: Ablation, drawing: Drawing, channels: int) -> Figures:
    """Return the effects as plain figures."""
    last, random = ablation.drawing[-1], [effect.detected for effect in ablation.random[-1]]
    spread = statistics.stdev(random) if len(random) > 1 else 0.0
    return {
        "maps": channels,
        "maps_that_draw_it": len(drawing.maps),
        "regression_accuracy": drawing.accuracy,
        "detected_after": last.detected,
        "detected_after_random": {"mean": statistics.fmean(random), "std": spread},
        "by_maps_dropped": [
            {"dropped": count, "drawing": asdict(one), "random": summary(others)}
            for count, one, others in zip(ablation.dropped, ablation.drawing, ablation.random, strict=True)
        ],
    }


def summary(effects: list[Effect]) -> dict[str, dict[str, float]]:
    """Return mean and standard deviation of each part of the effects."""
    parts: dict[str, list[float]] = {}
    for effect in effects:
        for name, value in asdict(effect).items():
            if value is not None:
                parts.setdefault(name, []).append(value)
    return {
        name: {"mean": statistics.fmean(values), "std": statistics.stdev(values) if len(values) > 1 else 0.0}
        for name, values in parts.items()
    }
