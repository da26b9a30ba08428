"""Memorization test by nearest training images (arXiv 1706.08500, 2004.05675): analysis=neighbours."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from matplotlib.figure import Figure
from PIL import Image
from torch import Tensor

from ganexp.analysis.drawing import save_figure
from ganexp.analysis.subject import Figures, Subject, needs_images, require_at_least
from ganexp.data.values import to_signed_unit
from ganexp.drawing.pictures import grid, save
from ganexp.errors import UserError
from ganexp.metrics.reference import RealImages
from ganexp.numerics.randomness import generator as rng
from ganexp.representations.nearest_neighbours import (
    Comparison,
    Nearest,
    compare_distances,
    nearest,
    rows_at_once,
    singled_out,
    verdict,
)
from ganexp.terminal.progress import progress

NEIGHBOURHOOD = 50
"""Number of neighbours among which the nearest one of a copy must stand out."""


def pixel_rows(images: RealImages) -> Iterator[Tensor]:
    """Yield all images in batches of pixels (B, C * H * W), uint8."""
    with progress("nearest images", images.count) as advance:
        for batch in images.batches(rows_at_once(math.prod(images.shape))):
            yield batch.flatten(1)
            advance(len(batch))


@dataclass(frozen=True)
class Memorization:
    """Nearest training images of samples in one space, compared with those of real images.

    ``others`` (M,) are the distances of held-out images to the nearest training image or, without held-out images, of
    training images to the nearest other one.
    """

    nearest: Nearest
    others: Tensor
    comparison: Comparison


def memorization(nearest: Nearest, others: Tensor) -> Memorization:
    """Return the comparison of the samples' neighbours with the distances (M,) of other images."""
    return Memorization(nearest, others, compare_distances(nearest.distances[:, 0], others, singled_out(nearest)))


def duplicate_share(distances: Tensor, pixels: int, tolerance: float) -> tuple[float, float]:
    """Return the share of near-duplicates and its standard error, from distances (N,) to the nearest other image.

    A near-duplicate differs by a root mean square of at most ``tolerance`` of the range of a pixel.
    """
    near = (distances <= tolerance * 255 * math.sqrt(pixels)).double()
    share = float(near.mean())
    return share, math.sqrt(share * (1 - share) / len(near))


def side_by_side(samples: Tensor, training: RealImages, spaces: list[Tensor]) -> Image.Image:
    """Draw each sample (N, C, H, W), uint8, and its neighbours in each space, separated by white columns.

    ``spaces`` are positions (N, k) of the neighbours in the training images.
    """
    white = torch.full_like(samples[:1], 255)
    tiles = []
    for number, sample in enumerate(samples):
        tiles.append(sample[None])
        for space in spaces:
            tiles += [white, training.at(space[number])]
    images = torch.cat(tiles)
    return grid(to_signed_unit(images), len(images) // len(samples))


def plot_distances(spaces: dict[str, Memorization], others: str) -> Figure:
    """Draw histograms of the distances of samples and of other images to the nearest training image in each space."""
    figure = Figure(figsize=(4.5 * len(spaces), 3.5), layout="constrained")
    for axis, (name, space) in zip(figure.subplots(1, len(spaces), squeeze=False)[0], spaces.items(), strict=True):
        of_samples = space.nearest.distances[:, 0]
        edges = torch.linspace(0, float(torch.cat([of_samples, space.others]).max()) or 1.0, 41).tolist()
        for label, distances in {"samples": of_samples, others: space.others}.items():
            axis.hist(distances.tolist(), edges, density=True, histtype="step", label=label)
        axis.set_title(f"{name}: AUC {space.comparison.auc:.3f} ± {space.comparison.error:.3f}", fontsize="medium")
        axis.set_xlabel("distance to the nearest training image")
        axis.set_yticks([])
        axis.legend(fontsize="small")
    return figure


class NearestNeighbours:
    """Nearest training images of ``samples`` samples, in pixels and in features, and a verdict on memorization.

    ``k`` neighbours of the ``shown`` samples nearest to a training image are drawn. The samples are compared with at
    most ``checked`` real images, in which near-duplicates are also counted: images that differ by a root mean square of
    at most ``tolerance`` of a pixel's range.

    Raises UserError for counts below 1 (samples, checked: 2) and a tolerance outside of [0, 1].
    """

    def __init__(
        self, samples: int = 1000, k: int = 5, shown: int = 10, checked: int = 2000, tolerance: float = 0.02
    ) -> None:
        require_at_least(1, k=k, shown=shown)
        require_at_least(2, samples=samples, checked=checked)
        if not 0 <= tolerance <= 1:
            raise UserError(f"tolerance={tolerance}: a share of a pixel's range is expected, 0 to 1")
        self.samples = samples
        self.k = k
        self.shown = shown
        self.checked = checked
        self.tolerance = tolerance

    def reason_against(self, subject: Subject) -> str | None:
        """Return why the analysis does not apply to points, or None for images."""
        return needs_images(subject)

    def __call__(self, subject: Subject, out: Path) -> Figures:
        """Write neighbours.png and distances.png; return each space's AUC, copied share and verdict."""
        training, held_out = subject.training, subject.held_out
        require_same_shape(training, held_out.images, subject.shape)
        samples = subject.samples(self.samples)
        if held_out.images is not None and held_out.images.count < 2:
            raise UserError(f"held-out images: {held_out.description} are too few to compare with; give two or more")
        if training.count <= self.k:
            raise UserError(f"k={self.k}: the training set has {training.count} images; ask for fewer neighbours")
        positions = random_positions(training.count, self.checked, subject.seed)
        real = training.at(positions)
        real_distances = nearest(real.flatten(1), pixel_rows(training), 1, positions).distances[:, 0]
        spaces = {
            "pixels": self._pixels(training, held_out.images, samples, real_distances, subject.seed),
            "features": self._features(subject, training, held_out.images, samples, positions),
        }
        order = spaces["pixels"].nearest.distances[:, 0].argsort()[: self.shown]
        drawn = [space.nearest.positions[order, : self.k] for space in spaces.values()]
        save(side_by_side(samples[order], training, drawn), out / "neighbours.png")
        others = "training images to others" if held_out.images is None else "held-out images"
        save_figure(plot_distances(spaces, others), out / "distances.png")
        share, error = duplicate_share(real_distances, real[0].numel(), self.tolerance)
        return {
            "compared_with": others,
            "held_out": held_out.description,
            **{
                key: value
                for name, space in spaces.items()
                for key, value in space_figures(name, space.comparison).items()
            },
            "near_duplicate_share_of_training": share,
            "near_duplicate_share_error": error,
        }

    def _neighbourhood(self, training: RealImages) -> int:
        return min(max(self.k, NEIGHBOURHOOD), training.count)

    def _pixels(
        self, training: RealImages, held_out: RealImages | None, samples: Tensor, real_distances: Tensor, seed: int
    ) -> Memorization:
        queries = samples.flatten(1)
        if held_out is None:
            return memorization(nearest(queries, pixel_rows(training), self._neighbourhood(training)), real_distances)
        real = held_out.at(random_positions(held_out.count, self.checked, seed)).flatten(1)
        both = nearest(torch.cat([queries, real]), pixel_rows(training), self._neighbourhood(training))
        sample_neighbours = Nearest(both.distances[: len(queries)], both.positions[: len(queries)])
        return memorization(sample_neighbours, both.distances[len(queries) :, 0])

    def _features(
        self, subject: Subject, training: RealImages, held_out: RealImages | None, samples: Tensor, positions: Tensor
    ) -> Memorization:
        rows = subject.features(training)
        sample_neighbours = nearest(subject.features(samples), [rows], self._neighbourhood(training))
        if held_out is None:
            return memorization(sample_neighbours, nearest(rows[positions], [rows], 1, positions).distances[:, 0])
        real = held_out.at(random_positions(held_out.count, self.checked, subject.seed))
        return memorization(sample_neighbours, nearest(subject.features(real), [rows], 1).distances[:, 0])


def space_figures(name: str, comparison: Comparison) -> Figures:
    """Return the figures of one space."""
    return {
        f"{name}_auc": comparison.auc,
        f"{name}_auc_error": comparison.error,
        f"{name}_copied_share": comparison.copied,
        f"{name}_verdict": verdict(comparison),
    }


def random_positions(count: int, most: int, seed: int) -> Tensor:
    """Return ``most`` random positions out of ``count``, or all if there are fewer, in order."""
    return torch.randperm(count, generator=rng(seed, "checked images"))[:most].sort().values


def require_same_shape(training: RealImages, held_out: RealImages | None, samples: tuple[int, int, int]) -> None:
    """Raise UserError unless training images, held-out images and samples have the same shape."""
    shapes = {"samples": samples, "training images": training.shape}
    if held_out is not None:
        shapes["held-out images"] = held_out.shape
    if len(set(shapes.values())) > 1:
        listed = ", ".join(f"{name} {'x'.join(map(str, shape))}" for name, shape in shapes.items())
        raise UserError(f"distances need images of the same shape: {listed}")
