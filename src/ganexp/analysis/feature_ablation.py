"""Feature ablation of an object marked by boxes, or of a class (arXiv 1511.06434, section 6.3.1): analysis=forget."""

import statistics
from dataclasses import asdict
from pathlib import Path

import torch
from torch import Tensor, nn

from ganexp.analysis.boxes import box_detector, inside_boxes, read_boxes
from ganexp.analysis.drawing import save_figure
from ganexp.analysis.dropped_maps import Ablation, Effect, MarkedSamples, ablate, plot_ablation, without_maps
from ganexp.analysis.object_maps import ObjectMaps, maps_before, object_maps, output_convolution, strokes
from ganexp.analysis.subject import Figures, Subject, needs_classes, needs_images, require_at_least
from ganexp.drawing.pictures import grid, save
from ganexp.errors import UserError
from ganexp.numerics.randomness import generator as rng
from ganexp.representations.feature_maps import last_convolution

SHOWN = 10
MOST_VALUES = 2**26  # of feature maps in memory at once, 256 MiB


class FeatureAblation:
    """Drop the feature maps that draw an object in ``samples`` samples.

    The object is in the ``boxes`` of a JSON file. Without one it is the class ``label`` of the data as predicted by a
    classifier, by default the most frequent class of the samples; its strokes are compared with those of other classes.
    ``strength`` is the inverse of the regression's regularization. The effect is measured for ``counts`` numbers of
    maps, and for ``draws`` random choices of as many.

    Raises UserError for numbers that are too small, and for a label that is neither a number nor a name.
    """

    def __init__(
        self,
        boxes: str | None = None,
        label: int | str | None = None,
        samples: int = 512,
        strength: float = 1.0,
        counts: int = 6,
        draws: int = 10,
    ) -> None:
        require_at_least(2, samples=samples, draws=draws)
        require_at_least(1, counts=counts)
        if label is not None and not isinstance(label, int | str):
            raise UserError(f"label={label}: the number of a class is expected, such as 3, or its name")
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
        if self.boxes is None and (reason := needs_classes(subject.training)):
            return f"{reason}: give boxes=FILE around the object in numbered samples"
        return None

    def __call__(self, subject: Subject, out: Path) -> Figures:
        """Write forget.png and forget_effect.png; return the effect, and that of dropping random maps."""
        latents, labels = subject.latents(self.samples), subject.labels(self.samples)

        def generate() -> Tensor:
            return subject.images(latents, labels)

        before = generate()
        samples = self._marked_samples(subject, before)
        if not samples.present.any():
            raise UserError(
                f"analysis=forget: {samples.name} is in none of the {self.samples} samples: increase samples="
            )
        convolution = output_convolution(subject.generator, lambda: subject.images(latents[:1]))
        selected = self._object_maps(subject, convolution, latents, samples)
        channels, maps = len(selected.weights), selected.maps
        ablation = ablate(generate, convolution, channels, maps, samples, self.counts, self.draws, subject.seed)
        with_it, without = samples.present.nonzero().flatten(), (~samples.present).nonzero().flatten()
        shown = torch.cat([with_it[:SHOWN], without[:SHOWN]])
        order = torch.randperm(channels, generator=rng(subject.seed, "dropped maps", 0))
        rows = [samples.images]
        for dropped in (maps, order[: len(maps)]):
            with without_maps(convolution, dropped):
                rows.append(generate())
        save(grid(torch.cat([images[shown] for images in rows]), len(shown)), out / "forget.png")
        save_figure(plot_ablation(ablation), out / "forget_effect.png")
        about = {"object": samples.name, "samples": len(before), "samples_with_it": int(samples.present.sum())}
        return {**about, **figures(ablation, selected)}

    def _marked_samples(self, subject: Subject, images: Tensor) -> MarkedSamples:
        height, width = images.shape[2:]
        if self.boxes is not None:
            boxes = read_boxes(Path(self.boxes).expanduser(), len(images), height, width)
            inside = inside_boxes(boxes, range(len(images)), height, width)
            try:
                detect = box_detector(images, boxes, subject.seed)
            except ValueError as error:
                raise UserError(f"boxes={self.boxes}: {error}") from error
            return MarkedSamples(images, inside, ~inside, detect(images), detect, name="the object in the boxes")
        labels = subject.training.labels()
        classes = 0 if labels is None else int(labels.max()) + 1
        chosen = None if self.label is None else subject.class_number(self.label)
        if chosen is not None and not 0 <= chosen < classes:
            raise UserError(f"label={self.label}: the data have the classes 0 to {classes - 1}")

        def classify(shown: Tensor) -> Tensor:
            return subject.outputs(shown)["logits"].argmax(1)

        predicted = classify(images)
        label = int(predicted.bincount().argmax()) if chosen is None else chosen
        present = predicted == label
        foreground, of_class = strokes(images), present[:, None, None]
        # A comparison with the background would select the maps that draw strokes of any class.
        outside = ~foreground if present.all() else foreground & ~of_class
        return MarkedSamples(
            images=images,
            inside=foreground & of_class,
            outside=outside,
            present=present,
            detect=lambda shown: classify(shown) == label,
            classify=classify,
            name=f"class {label}",
        )

    def _object_maps(
        self, subject: Subject, convolution: nn.Module, latents: Tensor, samples: MarkedSamples
    ) -> ObjectMaps:
        """Return the maps that draw the object, from as many samples as keep the maps below ``MOST_VALUES`` values."""
        one = maps_before(convolution, lambda: subject.images(latents[:1]))
        few = max(32, MOST_VALUES // one.numel())
        # With boxes, only samples with a detected object are used: the others may contain it without being marked.
        usable = samples.present if self.boxes else torch.ones(len(latents), dtype=torch.bool)
        rows = usable.nonzero().flatten()[:few]
        labels = subject.labels(len(latents))
        maps = maps_before(convolution, lambda: subject.images(latents[rows], None if labels is None else labels[rows]))
        try:
            selected = object_maps(maps, samples.inside[rows], samples.outside[rows], self.strength, subject.seed)
        except ValueError as error:
            raise UserError(f"analysis=forget: {error}") from error
        if not len(selected.maps):
            raise UserError(f"analysis=forget: no feature map draws {samples.name} more than its surroundings")
        return selected


def figures(ablation: Ablation, selected: ObjectMaps) -> Figures:
    """Return the effects as plain figures."""
    last, random = ablation.targeted[-1], [effect.detected for effect in ablation.random[-1]]
    spread = statistics.stdev(random) if len(random) > 1 else 0.0
    return {
        "maps": len(selected.weights),
        "maps_that_draw_it": len(selected.maps),
        "regression_accuracy": selected.accuracy,
        "detected_after": last.detected,
        "detected_after_random": {"mean": statistics.fmean(random), "std": spread},
        "by_maps_dropped": [
            {"dropped": count, "drawing": asdict(targeted), "random": summary(random_effects)}
            for count, targeted, random_effects in zip(
                ablation.dropped, ablation.targeted, ablation.random, strict=True
            )
        ],
    }


def summary(effects: list[Effect]) -> dict[str, dict[str, float]]:
    """Return mean and standard deviation of each field of the effects."""
    parts: dict[str, list[float]] = {}
    for effect in effects:
        for name, value in asdict(effect).items():
            if value is not None:
                parts.setdefault(name, []).append(value)
    return {
        name: {"mean": statistics.fmean(values), "std": statistics.stdev(values) if len(values) > 1 else 0.0}
        for name, values in parts.items()
    }
