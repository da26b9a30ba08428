"""Walking in the latent space: sharp transitions hint at memorization (arXiv 1511.06434, section 6.1)."""

import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import torch
from matplotlib.figure import Figure
from torch import Tensor
from torch.nn.functional import one_hot

from ganexp.analysis.drawing import rows, save_animation, save_figure, there_and_back
from ganexp.analysis.embeddings import label_embeddings, mixed_labels
from ganexp.analysis.nearest import nearest
from ganexp.analysis.subject import Figures, Subject, needs_images, require_at_least
from ganexp.errors import UserError
from ganexp.pictures import grid, save
from ganexp.randomness import BLOCK

Between = Callable[[Tensor, Tensor, Tensor], Tensor]
ANIMATIONS = ("gif", "webp")


def line(a: Tensor, b: Tensor, share: Tensor) -> Tensor:
    """Return the points (T, D) at these shares (T,) of the way from a (D,) to b (D,), straight."""
    return torch.lerp(a, b, share[:, None])


def arc(a: Tensor, b: Tensor, share: Tensor) -> Tensor:
    """Return the points (T, D) at these shares (T,) of the angle from a (D,) to b (D,) (slerp, arXiv 1609.04468).

    Between points of one sphere it stays on that sphere. Where the directions are equal or opposite, which leaves the
    angle's plane open, it is the straight line.
    """
    cosine = torch.dot(a, b) / (a.norm() * b.norm())
    angle = torch.arccos(cosine.clamp(-1, 1))
    if not torch.sin(angle) > 1e-4:
        return line(a, b, share)
    towards = share[:, None] * angle
    return (torch.sin(angle - towards) * a + torch.sin(towards) * b) / torch.sin(angle)


def path(anchors: Tensor, steps: int, between: Between = line) -> Tensor:
    """Return the points (T, D) of a way through all anchors (K, D), T = (K - 1) * steps + 1."""
    shares = torch.arange(steps) / steps
    parts = [between(a, b, shares.to(a)) for a, b in pairwise(anchors)]
    return torch.cat([*parts, anchors[-1:]])


@dataclass(frozen=True)
class Smoothness:
    """How evenly something changes along a way, measured in features.

    ``steps`` are the distances of neighbours, ``length`` is their sum, ``jump`` the largest over their mean: 1 is
    even, and the number of steps is one leap.
    """

    steps: tuple[float, ...]
    length: float
    jump: float


def smoothness(features: Tensor) -> Smoothness:
    """Return how evenly features (T, D) change from row to row; a way that never changes is even."""
    points = features.double()
    steps = (points[1:] - points[:-1]).norm(dim=1)
    length = float(steps.sum())
    jump = float(steps.max()) / (length / len(steps)) if length > 0 else 1.0
    return Smoothness(tuple(steps.tolist()), length, jump)


def farther_from_real(ways: Tensor, real: Tensor, steps: int) -> float:
    """Return how far features on ways (N, T, D) are from the nearest of real ones (M, D), over that of the anchors.

    An anchor is each ``steps``-th on its way. Above 1 what lies between is less real than what is at the anchors.
    """
    distances = nearest(ways.flatten(0, 1), [real], 1).distances.view(ways.shape[:2])
    anchor = torch.arange(ways.shape[1]) % steps == 0
    return float(distances[:, ~anchor].mean() / distances[:, anchor].mean().clamp_min(1e-12))


def crossfade(images: Tensor, steps: int) -> Tensor:
    """Return images (T, C, H, W) that fade from each of images (K, C, H, W) to the next, pixel by pixel."""
    return path(images.flatten(1), steps).unflatten(1, images.shape[1:])


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


def plot_smoothness(ways: Mapping[str, Sequence[Smoothness]]) -> Figure:
    """Draw the mean length of each step, over the mean of its way's steps, for each kind of way."""
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


class Walk:
    """Ways through latents, straight and along arcs, as grids and an animation, and how smooth they are.

    ``anchors`` are numbers of samples to walk through; without them there are ``walks`` ways through ``length``
    samples each, of one class each where there are any. ``steps`` images lead from one to the next. For a conditional
    generator there is also a way through its classes. ``animation`` is gif or webp.

    Raises UserError for fewer than two anchors or steps, and for numbers below 0.
    """

    def __init__(
        self,
        anchors: Sequence[int] | None = None,
        length: int = 3,
        walks: int = 8,
        steps: int = 8,
        animation: str = "gif",
    ) -> None:
        require_at_least(2, length=length, steps=steps)
        require_at_least(1, walks=walks)
        if anchors is not None and len(anchors) < 2:
            raise UserError(f"anchors={list(anchors)}: give two numbers of samples or more, such as [3,14]")
        if animation not in ANIMATIONS:
            raise UserError(f"animation={animation}: choose one of {', '.join(ANIMATIONS)}")
        self.anchors = None if anchors is None else list(anchors)
        self.length = length
        self.walks = walks
        self.steps = steps
        self.animation = animation

    def reason_against(self, subject: Subject) -> str | None:
        """Return why there is no walk: points are no images."""
        return needs_images(subject)

    def __call__(self, subject: Subject, out: Path) -> Figures:
        """Write linear.png, spherical.png, classes.png, the animation and smoothness.png; return the figures."""
        anchors = self._anchors(subject)
        drawn = {name: self._drawn(subject, anchors, way) for name, way in {"linear": line, "spherical": arc}.items()}
        if subject.num_classes is not None and label_embeddings(subject.generator, subject.num_classes):
            drawn["classes"] = self._classes(subject, subject.num_classes)
        for name, ways in drawn.items():
            save(rows(ways), out / f"{name}.png")
        frames = [grid(torch.stack(moment), 4) for moment in zip(*drawn["spherical"], strict=True)]
        save_animation(there_and_back(frames), out / f"walk.{self.animation}")
        ends = [ways[:: self.steps] for ways in drawn["linear"]]
        compared = {**drawn, "pixels": [crossfade(images, self.steps) for images in ends]}
        features = {name: [subject.outputs(way)["features"] for way in ways] for name, ways in compared.items()}
        measured = {name: [smoothness(each) for each in ways] for name, ways in features.items()}
        save_figure(plot_smoothness(measured), out / "smoothness.png")
        real = subject.features(subject.training)
        figures: Figures = {}
        for name, found in measured.items():
            figures[f"{name}_length"] = statistics.fmean(each.length for each in found)
            figures[f"{name}_jump"] = statistics.fmean(each.jump for each in found)
            figures[f"{name}_from_real"] = farther_from_real(torch.stack(features[name]), real, self.steps)
        return figures

    def _anchors(self, subject: Subject) -> list[tuple[Tensor, Tensor | None]]:
        """Return the anchors (K, latent) of each way, and their classes (K, num_classes), one-hot."""
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

    def _drawn(
        self, subject: Subject, anchors: Sequence[tuple[Tensor, Tensor | None]], between: Between
    ) -> list[Tensor]:
        return [
            images_along(
                subject, path(way, self.steps, between), None if classes is None else path(classes, self.steps)
            )
            for way, classes in anchors
        ]

    def _classes(self, subject: Subject, num_classes: int) -> list[Tensor]:
        """Return ways from class to class, each of one latent."""
        classes = path(torch.eye(num_classes)[: max(2, self.length)], self.steps)
        latents = subject.latents(self.walks)
        return [images_along(subject, latent.expand(len(classes), -1), classes) for latent in latents]
