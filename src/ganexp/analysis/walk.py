"""Latent-space walks: sharp transitions suggest memorization (arXiv 1511.06434, section 6.1)."""

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from matplotlib.figure import Figure
from torch import Tensor

from ganexp.analysis.drawing import forwards_and_backwards, rows, save_animation, save_figure
from ganexp.analysis.embeddings import label_embeddings, mixed_labels
from ganexp.analysis.interpolation import (
    PARTS,
    Interpolation,
    Smoothness,
    Trajectory,
    crossfade,
    equal_distances,
    equally_spaced,
    leap,
    lerp,
    points_along,
    slerp,
    smoothness,
)
from ganexp.analysis.projected_noise import projected_noise
from ganexp.analysis.style_space import space_of
from ganexp.analysis.subject import Figures, Subject, needs_images, require_at_least
from ganexp.drawing.captions import captioned
from ganexp.drawing.pictures import grid, save
from ganexp.errors import UserError
from ganexp.numerics.randomness import BLOCK
from ganexp.representations.nearest_neighbours import nearest

ANIMATIONS = ("gif", "webp")
INTERPOLATIONS = {"linear": lerp, "spherical": slerp}


def farther_from_real(between: Tensor, anchors: Tensor, real: Tensor) -> float:
    """Return the ratio of the mean distance to the nearest real features (M, D): interpolated (N, D) to anchors (K, D).

    Above 1, interpolated images are less realistic than the anchors.
    """
    distances = nearest(torch.cat([between, anchors]), [real], 1).distances[:, 0]
    return float(distances[: len(between)].mean() / distances[len(between) :].mean().clamp_min(1e-12))


@torch.no_grad()
def images_along(subject: Subject, latents: Tensor, mixture: Tensor | None) -> Tensor:
    """Return images (T, C, H, W) in [-1, 1] of latents (T, latent) and, if conditional, weights (T, num_classes)."""
    if mixture is None or subject.attributes is not None:
        return subject.images(latents, mixture)
    parts = []
    for batch, weights in zip(latents.split(BLOCK), mixture.split(BLOCK), strict=True):
        if bool((weights.max(1).values == 1).all()):  # Single classes need no embeddings.
            parts.append(subject.images(batch, weights.argmax(1)))
            continue
        with mixed_labels(subject.generator, weights) as labels:
            parts.append(subject.images(batch, labels))
    return torch.cat(parts)


def mixes_labels(subject: Subject) -> bool:
    """Return whether a conditional generator takes what lies between its labels."""
    assert subject.num_classes is not None
    return subject.attributes is not None or bool(label_embeddings(subject.generator, subject.num_classes))


def through_samples(
    subject: Subject, latents: Tensor, classes: Tensor | None, interpolate: Interpolation
) -> Trajectory:
    """Return the path through latents (K, latent) and, for a conditional generator, weights (K, num_classes)."""
    return lambda positions: images_along(
        subject,
        points_along(latents, positions, interpolate),
        None if classes is None else points_along(classes, positions),
    )


def through_classes(subject: Subject, latent: Tensor, classes: Tensor) -> Trajectory:
    """Return the path of one latent (latent,) through classes (K, num_classes)."""
    return lambda positions: images_along(subject, latent.expand(len(positions), -1), points_along(classes, positions))


def plot_smoothness(paths: Mapping[str, Sequence[Smoothness]]) -> Figure:
    """Draw the mean length of each step, relative to the path's mean step, for each kind of path."""
    figure = Figure(figsize=(7, 3.5), layout="constrained")
    axis = figure.subplots()
    for name, smoothnesses in paths.items():
        relative = torch.tensor([smooth.steps for smooth in smoothnesses])
        relative = relative / relative.mean(1, keepdim=True).clamp_min(1e-12)
        jump = statistics.fmean(smooth.jump for smooth in smoothnesses)
        axis.plot(range(1, relative.shape[1] + 1), relative.mean(0), label=f"{name} (mean jump {jump:.2f})")
    axis.axhline(1, color="grey", linewidth=0.8)
    axis.set_xlabel("step along the path")
    axis.set_ylabel("distance in features\nrelative to the path's mean")
    axis.set_ylim(bottom=0)
    axis.legend(fontsize="small")
    return figure


@dataclass(frozen=True)
class PathFeatures:
    """Images (T, C, H, W) along a path with their features (T, D), and features (K, D) at the anchors.

    ``between`` are the features of the images between the anchors.
    """

    images: Tensor
    features: Tensor
    between: Tensor
    anchors: Tensor
    leap: float


class Walk:
    """Paths between latents, straight and along arcs, as grids and an animation, and their smoothness.

    ``anchors`` are numbers of samples to walk through. Without them there are ``walks`` paths through ``length``
    samples each, of a single class each if the generator is conditional. There are ``steps`` images from one sample to
    the next, equally spaced between the latents or, if ``even``, at equal distances in features along the whole path.
    For a conditional generator there is also a path through its classes, or through each of its attributes alone.
    ``animation`` is gif or webp.

    With ``pictures``, a file of projected pictures, one path passes through them in turn, or through those with the
    numbers ``anchors``; from a single picture it leads to the samples 0 to ``length`` - 2. ``space`` is noise, or
    styles for a generator that maps noise to styles: then paths are between styles, also of pictures.

    Raises UserError for fewer than two anchors or steps, and for negative numbers.
    """

    def __init__(
        self,
        anchors: Sequence[int] | None = None,
        length: int = 3,
        walks: int = 8,
        steps: int = 8,
        even: bool = False,
        animation: str = "gif",
        pictures: str | None = None,
        space: str = "noise",
    ) -> None:
        require_at_least(2, length=length, steps=steps)
        require_at_least(1, walks=walks)
        if anchors is not None and (not isinstance(anchors, Sequence) or len(anchors) < 2):
            raise UserError(f"anchors={anchors}: give two numbers of samples or more, such as [3,14]")
        if animation not in ANIMATIONS:
            raise UserError(f"animation={animation}: choose one of {', '.join(ANIMATIONS)}")
        self.anchors = None if anchors is None else list(anchors)
        self.length = length
        self.walks = walks
        self.steps = steps
        self.even = even
        self.animation = animation
        self.pictures = pictures
        self.space = space_of(space)

    def reason_against(self, subject: Subject) -> str | None:
        """Return why the analysis does not apply to points, or to a generator without styles; None if it does."""
        return self.space.reason_against(subject) or needs_images(subject)

    def __call__(self, subject: Subject, out: Path) -> Figures:
        """Write a grid for each kind of path, the animation and smoothness.png; return smoothness and realism."""
        subject = self.space.within(subject)
        anchors = self._anchors(subject)
        segments = len(anchors[0][0]) - 1
        paths = {
            name: [through_samples(subject, *anchor, interpolate) for anchor in anchors]
            for name, interpolate in INTERPOLATIONS.items()
        }
        paths["pixels"] = [crossfade(path(equally_spaced(segments, 1))) for path in paths["linear"]]
        walks = {
            name: [self._features_along(subject, path, segments) for path in of_kind] for name, of_kind in paths.items()
        }
        if subject.num_classes is not None and mixes_labels(subject):
            classes = torch.eye(subject.num_classes)[: max(2, self.length)]
            through = [through_classes(subject, latent, classes) for latent in subject.latents(self.walks)]
            walks["classes"] = [self._features_along(subject, path, len(classes) - 1) for path in through]
        for name, results in walks.items():
            if name != "pixels":
                drawn = rows([walk.images for walk in results])
                captions = self._class_captions(subject, len(results[0].images)) if name == "classes" else []
                save(captioned(drawn, captions) if captions else drawn, out / f"{name}.png")
        frames = [
            grid(torch.stack(images), 4) for images in zip(*(walk.images for walk in walks["spherical"]), strict=True)
        ]
        save_animation(forwards_and_backwards(frames), out / f"walk.{self.animation}")
        measured = {name: [smoothness(walk.features) for walk in results] for name, results in walks.items()}
        save_figure(plot_smoothness(measured), out / "smoothness.png")
        real = subject.features(subject.training)
        figures: Figures = {}
        for name, results in walks.items():
            figures[f"{name}_length"] = statistics.fmean(smooth.length for smooth in measured[name])
            figures[f"{name}_jump"] = statistics.fmean(smooth.jump for smooth in measured[name])
            figures[f"{name}_leap"] = statistics.fmean(walk.leap for walk in results)
            between = torch.cat([walk.between for walk in results])
            at_anchors = torch.cat([walk.anchors for walk in results])
            figures[f"{name}_from_real"] = farther_from_real(between, at_anchors, real)
        return figures

    def _class_captions(self, subject: Subject, columns: int) -> list[str]:
        """Return the class's name above each column of a path through classes, empty in between; none without names."""
        if subject.class_names is None:
            return []
        anchors = {column: column // self.steps for column in range(0, columns, self.steps)}
        if self.even:
            # At equal distances only the ends of the path are certain to be classes.
            anchors = {column: anchors[column] for column in (0, columns - 1)}
        return [subject.class_name(anchors[column]) if column in anchors else "" for column in range(columns)]

    def _features_along(self, subject: Subject, path: Trajectory, segments: int) -> PathFeatures:
        def features(images: Tensor) -> Tensor:
            return subject.outputs(images)["features"]

        positions = equally_spaced(segments, self.steps)
        if self.even:
            fine = equally_spaced(segments, self.steps * PARTS)
            positions = equal_distances(fine, features(path(fine)), segments * self.steps)
        images = path(positions)
        along = features(images)
        at_anchors = features(path(equally_spaced(segments, 1)))
        return PathFeatures(images, along, along[positions % 1 != 0], at_anchors, leap(path, features, positions))

    def _anchors(self, subject: Subject) -> list[tuple[Tensor, Tensor | None]]:
        """Return the anchors (K, latent) of each path, and the weights (K, num_classes) of their labels."""
        if self.pictures is not None:
            return [self._from_pictures(subject, self.pictures)]
        if self.anchors is not None:
            labels = subject.labels_of(self.anchors)
            return [(subject.latents_of(self.anchors), self._weights(subject, labels))]
        latents = subject.latents(self.walks * self.length).split(self.length)
        classes = subject.labels(self.walks)
        if classes is None:
            return [(anchors, None) for anchors in latents]
        return [
            (anchors, self._weights(subject, label.expand(self.length, *label.shape)))
            for anchors, label in zip(latents, classes, strict=True)
        ]

    def _from_pictures(self, subject: Subject, path: str) -> tuple[Tensor, Tensor | None]:
        projected = projected_noise(path, subject)
        numbers = self.anchors or range(len(projected.latents))
        latents, labels = projected.latents_of(numbers), projected.labels_of(numbers)
        if len(latents) == 1:
            others = range(self.length - 1)
            latents = torch.cat([latents, subject.latents_of(others)])
            # A path within the picture's class.
            labels = None if labels is None else labels.expand(self.length, *labels.shape[1:])
        return latents, self._weights(subject, labels)

    def _weights(self, subject: Subject, labels: Tensor | None) -> Tensor | None:
        if labels is None:
            return None
        if len(labels.unique(dim=0)) > 1 and not mixes_labels(subject):
            raise UserError(f"anchors={self.anchors}: this generator cannot interpolate between different classes")
        return subject.weights(labels)
