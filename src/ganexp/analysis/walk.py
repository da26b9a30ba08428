"""Latent-space walks: sharp transitions suggest memorization (arXiv 1511.06434, section 6.1)."""

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from matplotlib.figure import Figure
from torch import Tensor
from torch.nn.functional import one_hot

from ganexp.analysis.drawing import rows, save_animation, save_figure, there_and_back
from ganexp.analysis.embeddings import label_embeddings, mixed_labels
from ganexp.analysis.interpolation import (
    PARTS,
    Between,
    Smoothness,
    Way,
    along,
    arc,
    crossfade,
    equal_distances,
    equal_shares,
    leap,
    line,
    smoothness,
)
from ganexp.analysis.subject import Figures, Subject, needs_images, require_at_least
from ganexp.drawing.pictures import grid, save
from ganexp.errors import UserError
from ganexp.numerics.randomness import BLOCK
from ganexp.representations.nearest_neighbours import nearest

ANIMATIONS = ("gif", "webp")
WAYS = {"linear": line, "spherical": arc}


def farther_from_real(between: Tensor, anchors: Tensor, real: Tensor) -> float:
    """Return the distance of features (N, D) to the nearest real ones (M, D), relative to that of the anchors (K, D).

    Above 1, interpolated images are less realistic than the anchors.
    """
    distances = nearest(torch.cat([between, anchors]), [real], 1).distances[:, 0]
    return float(distances[: len(between)].mean() / distances[len(between) :].mean().clamp_min(1e-12))


@torch.no_grad()
def images_along(subject: Subject, latents: Tensor, mixture: Tensor | None) -> Tensor:
    """Return images (T, C, H, W) in [-1, 1] of latents (T, latent) and, for a labelled generator, (T, classes)."""
    if mixture is None:
        return subject.images(latents)
    parts = []
    for some, mixed in zip(latents.split(BLOCK), mixture.split(BLOCK), strict=True):
        if bool((mixed.max(1).values == 1).all()):  # Whole classes need no embeddings.
            parts.append(subject.images(some, mixed.argmax(1)))
            continue
        with mixed_labels(subject.generator, mixed) as labels:
            parts.append(subject.images(some, labels))
    return torch.cat(parts)


def through_samples(subject: Subject, latents: Tensor, classes: Tensor | None, between: Between) -> Way:
    """Return the path through latents (K, latent) and, for a labelled generator, classes (K, num_classes)."""
    return lambda places: images_along(
        subject, along(latents, places, between), None if classes is None else along(classes, places)
    )


def through_classes(subject: Subject, latent: Tensor, classes: Tensor) -> Way:
    """Return the path of one latent (latent,) through classes (K, num_classes)."""
    return lambda places: images_along(subject, latent.expand(len(places), -1), along(classes, places))


def plot_smoothness(ways: Mapping[str, Sequence[Smoothness]]) -> Figure:
    """Draw the mean length of each step, over the mean of its path's steps, for each kind of path."""
    figure = Figure(figsize=(7, 3.5), layout="constrained")
    axis = figure.subplots()
    for name, each in ways.items():
        relative = torch.tensor([one.steps for one in each])
        relative = relative / relative.mean(1, keepdim=True).clamp_min(1e-12)
        jump = statistics.fmean(one.jump for one in each)
        axis.plot(range(1, relative.shape[1] + 1), relative.mean(0), label=f"{name} (largest jump {jump:.2f})")
    axis.axhline(1, color="grey", linewidth=0.8)
    axis.set_xlabel("step along the way")
    axis.set_ylabel("distance in features\nover the way's mean")
    axis.set_ylim(bottom=0)
    axis.legend(fontsize="small")
    return figure


@dataclass(frozen=True)
class Walked:
    """Results along a path: images (T, C, H, W) and their features (T, D), and features (K, D) at the anchors.

    ``between`` are the features that lie at no anchor.
    """

    images: Tensor
    features: Tensor
    between: Tensor
    anchors: Tensor
    leap: float


class Walk:
    """Paths through latents, straight and along arcs, as grids and an animation, and how smooth they are.

    ``anchors`` are numbers of samples to walk through; without them there are ``walks`` ways through ``length``
    samples each, of one class each where there are any. ``steps`` images lead from one to the next: at equal shares of
    the way between latents or, if ``even``, at equal distances in features along the whole way. For a conditional
    generator there is also a way through its classes. ``animation`` is gif or webp.

    Raises UserError for fewer than two anchors or steps, and for numbers below 0.
    """

    def __init__(
        self,
        anchors: Sequence[int] | None = None,
        length: int = 3,
        walks: int = 8,
        steps: int = 8,
        even: bool = False,
        animation: str = "gif",
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

    def reason_against(self, subject: Subject) -> str | None:
        """Return why the analysis does not apply: points are no images."""
        return needs_images(subject)

    def __call__(self, subject: Subject, out: Path) -> Figures:
        """Write linear.png, spherical.png, classes.png, the animation and smoothness.png; return the figures."""
        anchors = self._anchors(subject)
        legs = len(anchors[0][0]) - 1
        ways = {
            name: [through_samples(subject, *anchor, between) for anchor in anchors] for name, between in WAYS.items()
        }
        ways["pixels"] = [crossfade(way(equal_shares(legs, 1))) for way in ways["linear"]]
        walks = {name: [self._walked(subject, way, legs) for way in some] for name, some in ways.items()}
        if subject.num_classes is not None and label_embeddings(subject.generator, subject.num_classes):
            classes = torch.eye(subject.num_classes)[: max(2, self.length)]
            through = [through_classes(subject, latent, classes) for latent in subject.latents(self.walks)]
            walks["classes"] = [self._walked(subject, way, len(classes) - 1) for way in through]
        for name, some in walks.items():
            if name != "pixels":
                save(rows([walk.images for walk in some]), out / f"{name}.png")
        frames = [
            grid(torch.stack(moment), 4) for moment in zip(*(walk.images for walk in walks["spherical"]), strict=True)
        ]
        save_animation(there_and_back(frames), out / f"walk.{self.animation}")
        measured = {name: [smoothness(walk.features) for walk in some] for name, some in walks.items()}
        save_figure(plot_smoothness(measured), out / "smoothness.png")
        real = subject.features(subject.training)
        figures: Figures = {}
        for name, some in walks.items():
            figures[f"{name}_length"] = statistics.fmean(smooth.length for smooth in measured[name])
            figures[f"{name}_jump"] = statistics.fmean(smooth.jump for smooth in measured[name])
            figures[f"{name}_leap"] = statistics.fmean(walk.leap for walk in some)
            inner, anchor = torch.cat([walk.between for walk in some]), torch.cat([walk.anchors for walk in some])
            figures[f"{name}_from_real"] = farther_from_real(inner, anchor, real)
        return figures

    def _walked(self, subject: Subject, way: Way, legs: int) -> Walked:
        def features(images: Tensor) -> Tensor:
            return subject.outputs(images)["features"]

        places = equal_shares(legs, self.steps)
        if self.even:
            fine = equal_shares(legs, self.steps * PARTS)
            places = equal_distances(fine, features(way(fine)), legs * self.steps)
        images = way(places)
        seen = features(images)
        at_anchors = features(way(equal_shares(legs, 1)))
        return Walked(images, seen, seen[places % 1 != 0], at_anchors, leap(way, features, places))

    def _anchors(self, subject: Subject) -> list[tuple[Tensor, Tensor | None]]:
        """Return the anchors (K, latent) of each path, and their classes (K, num_classes), one-hot."""
        if self.anchors is not None:
            labels = subject.labels_of(self.anchors)
            return [(subject.latents_of(self.anchors), self._one_hot(subject, labels))]
        ways = subject.latents(self.walks * self.length).split(self.length)
        classes = subject.labels(self.walks)
        if classes is None:
            return [(way, None) for way in ways]
        return [(way, self._one_hot(subject, c.expand(self.length))) for way, c in zip(ways, classes, strict=True)]

    def _one_hot(self, subject: Subject, labels: Tensor | None) -> Tensor | None:
        if labels is None or subject.num_classes is None:
            return None
        if len(labels.unique()) > 1 and not label_embeddings(subject.generator, subject.num_classes):
            raise UserError(f"anchors={self.anchors}: they are of several classes, which this generator cannot mix")
        return one_hot(labels, subject.num_classes).float()
