"""Projection: the noise, or styles, whose image is nearest to a real picture (arXiv 1609.03552, eq. 4; 1912.04958)."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import torch
from PIL import Image
from torch import Tensor

from ganexp.analysis.latent_search.descent import MeanStyle, annealed, descended, mean_style
from ganexp.analysis.latent_search.distances import Distance, feature_distance, lpips_distance, pixel_distance
from ganexp.analysis.picture_files import read_pictures
from ganexp.analysis.projected_noise import ProjectedNoise, file_name
from ganexp.analysis.style_space import space_of
from ganexp.analysis.subject import Figures, Subject, needs_images, require_at_least
from ganexp.drawing.contact_sheet import contact_sheet
from ganexp.drawing.pictures import save
from ganexp.errors import UserError
from ganexp.metrics.perceptual import SMALLEST
from ganexp.numerics.randomness import BLOCK
from ganexp.numerics.randomness import generator as rng
from ganexp.terminal.progress import progress

TILE = 64
MOST_GROUPS = 4
"""Largest number of pictures in a row of projection.png."""


class Projected(NamedTuple):
    """The image (C, H, W) of a search's start, and the latent (latent,) that it found, with its label if any."""

    start: Tensor
    latent: Tensor
    label: Tensor | None


@dataclass(frozen=True)
class Candidates:
    """Noise (M, latent), labels (M, …) if the generator takes them, and the samples (M, C, H, W) that they give."""

    latents: Tensor
    labels: Tensor | None
    images: Tensor

    def condition(self, positions: Tensor) -> Tensor | None:
        """Return the labels at some positions."""
        return None if self.labels is None else self.labels[positions]


def candidates(subject: Subject, n: int) -> Candidates:
    """Return the samples 0 to n - 1, of every class, or set of attributes, in turn."""
    latents, labels = subject.latents(n), subject.all_labels(n)
    return Candidates(latents, labels, subject.images(latents, labels))


def encoded(subject: Subject, picture: Tensor) -> Candidates:
    """Return the code of a picture (C, H, W) and what the generator makes of it, as the only candidate."""
    latents = subject.encodings(picture[None])
    return Candidates(latents, None, subject.images(latents))


class Projection:
    """The noise of the sample nearest to each picture in the folder ``images``, from the ``starts`` nearest samples.

    The distance is a sum of pixels, own features (of the classifier of the run's data) and LPIPS, weighted by
    ``pixels``, ``features`` and ``lpips``. Starts are the nearest of ``candidates`` samples, of every class in turn if
    the generator is conditional; a start keeps its class. Adam takes ``steps`` steps of size ``rate``. Of larger
    folders the first ``most`` pictures are projected.

    Where the model has an encoder, its code of the picture is the only start, unless ``encoder`` is False.

    With ``space`` styles, a style that all layers share is found instead of noise, from the mean style of the
    ``candidates``; noise inputs are the constant ones. For a conditional generator there is no class to choose then.

    Raises UserError for numbers that are too small, and unless a weight is above 0 and none below.
    """

    def __init__(
        self,
        images: str | None = None,
        starts: int = 4,
        candidates: int = 1000,
        steps: int = 200,
        rate: float = 0.05,
        pixels: float = 1.0,
        features: float = 1.0,
        lpips: float = 0.0,
        most: int = 16,
        encoder: bool = True,
        space: str = "noise",
    ) -> None:
        require_at_least(1, starts=starts, candidates=candidates, most=most)
        require_at_least(0, steps=steps)
        if not (math.isfinite(rate) and rate > 0):
            raise UserError(f"rate={rate}: it must be a finite number above 0")
        self.weights = {"pixels": pixels, "features": features, "lpips": lpips}
        for name, weight in self.weights.items():
            if not (math.isfinite(weight) and weight >= 0):
                raise UserError(f"{name}={weight}: it must be a finite number, 0 or more")
        if not any(self.weights.values()):
            raise UserError("pixels=0 features=0 lpips=0: there is no distance left; set one above 0")
        self.folder = images
        self.starts = starts
        self.candidates = candidates
        self.steps = steps
        self.rate = rate
        self.most = most
        self.encoder = encoder
        self.space = space_of(space)

    def reason_against(self, subject: Subject) -> str | None:
        """Return why the analysis does not apply, such as to points or without pictures, or None."""
        if self.folder is None:
            return "it needs pictures to project: images=FOLDER"
        if self.weights["lpips"] and not subject.draws_points and min(subject.shape[1:]) < SMALLEST:
            return f"LPIPS needs images of at least {SMALLEST}x{SMALLEST}: leave lpips at 0"
        return self.space.reason_against(subject) or needs_images(subject)

    def __call__(self, subject: Subject, out: Path) -> Figures:
        """Write projection.png and noise.json or styles.json; return the distances of each picture before and after."""
        assert self.folder is not None
        subject = self.space.within(subject)
        names, pictures = read_pictures(Path(self.folder), subject.shape, self.most)
        distances = self._distances(subject)
        first, search = self._search(subject, distances)
        latents: list[Tensor] = []
        labels: list[Tensor] = []
        drawn: list[Tensor] = []
        captions: list[str] = []
        figures: Figures = {}
        with progress(f"projecting {self.folder}", len(pictures)) as advance:
            for name, picture in zip(names, pictures, strict=True):
                start, latent, label = search(picture)
                image = subject.images(latent[None], None if label is None else label[None])
                before, after = (self._measured(distances, subject, drawing, picture) for drawing in (start, image[0]))
                figures[name] = {first.replace(" ", "_"): before, "projection": after}
                figures[name] |= {} if label is None else {"label": label.tolist()}
                drawn += [picture, start, image[0]]
                named = "" if label is None else f": {subject.label_name(label)}"
                captions += [f"picture {len(latents)}", first.split()[0], f"result{named}"]
                latents.append(latent)
                labels += [] if label is None else [label]
                advance(1)
        save(side_by_side(drawn, captions), out / "projection.png")
        of_all = torch.stack(latents), torch.stack(labels) if labels else None
        ProjectedNoise(names, *of_all, subject.latents_are).save(out / file_name(subject))
        return figures

    def _search(self, subject: Subject, distances: Mapping[str, Distance]) -> tuple[str, Callable[[Tensor], Projected]]:
        """Return what the search starts from, and the search for the latent of a picture (C, H, W)."""
        if subject.latents_are == "styles":
            styles = mean_style(subject.latents(self.candidates))
            return "mean style", lambda picture: self._from_mean(subject, styles, distances, picture)
        if self.encoder and subject.encoder is not None:
            return "encoding", lambda picture: self._nearest(subject, encoded(subject, picture), distances, picture)
        pool = candidates(subject, self.candidates)
        return "nearest sample", lambda picture: self._nearest(subject, pool, distances, picture)

    def _total(
        self, subject: Subject, distances: Mapping[str, Distance], picture: Tensor
    ) -> Callable[[Tensor], Tensor]:
        """Return the weighted sum of the distances (S,) of images (S, C, H, W) and a picture (C, H, W)."""
        target = picture[None].to(subject.device)

        def total(images: Tensor) -> Tensor:
            return sum((self.weights[name] * of(images, target) for name, of in distances.items()), torch.zeros(()))

        return total

    def _from_mean(
        self, subject: Subject, styles: MeanStyle, distances: Mapping[str, Distance], picture: Tensor
    ) -> Projected:
        """Return the style of the projection, from the mean style."""

        def generate(style: Tensor) -> Tensor:
            images: Tensor = subject.generator(style)
            return images.float().clamp(-1, 1)

        total = self._total(subject, distances, picture)
        start, random = styles.mean.to(subject.device), rng(subject.seed, "projection into styles")
        style = annealed(generate, total, start, self.steps, self.rate, styles.spread, random)
        return Projected(subject.images(styles.mean)[0], style[0].cpu(), None)

    def _nearest(
        self, subject: Subject, pool: Candidates, distances: Mapping[str, Distance], picture: Tensor
    ) -> Projected:
        """Return the noise of the projection, with its label, from the nearest of a pool."""
        total = self._total(subject, distances, picture)
        with torch.no_grad():
            far = torch.cat([total(part.to(subject.device)).cpu() for part in pool.images.split(BLOCK)])
        nearest = far.argsort()[: self.starts]
        labels = pool.condition(nearest)

        def generate(noise: Tensor) -> Tensor:
            condition = () if labels is None else (labels.to(subject.device),)
            images: Tensor = subject.generator(noise, *condition)
            return images.float().clamp(-1, 1)

        starts = pool.latents[nearest].to(subject.device)
        # Codes may lie beyond all samples.
        reach = float(torch.cat([pool.latents, subject.latents(self.candidates)]).abs().max())
        latents, least = descended(generate, total, starts, self.steps, self.rate, reach)
        best = int(least.argmin())
        return Projected(pool.images[nearest[0]], latents[best].cpu(), None if labels is None else labels[best])

    def _distances(self, subject: Subject) -> dict[str, Distance]:
        """Return the distances with a weight, by name."""

        def features(images: Tensor) -> Tensor:
            # The extractor's own call takes bytes and has no gradients.
            return subject.extractor.outputs((images + 1) * 127.5)["features"].float()

        possible: dict[str, Callable[[], Distance]] = {
            "pixels": lambda: pixel_distance,
            "features": lambda: feature_distance(features),
            "lpips": lambda: lpips_distance(subject.device),
        }
        return {name: possible[name]() for name, weight in self.weights.items() if weight}

    @torch.no_grad()
    def _measured(
        self, distances: Mapping[str, Distance], subject: Subject, image: Tensor, picture: Tensor
    ) -> dict[str, float]:
        pair = image[None].to(subject.device), picture[None].to(subject.device)
        return {name: float(distance(*pair)) for name, distance in distances.items()}


def side_by_side(images: Sequence[Tensor], captions: Sequence[str]) -> Image.Image:
    """Draw images (C, H, W) in threes, picture, nearest sample and result, several of them in a row, with captions."""
    threes = len(images) // 3
    groups = min(MOST_GROUPS, math.ceil(math.sqrt(threes / 2)))
    blank = torch.ones_like(images[0])
    tiles = [tile for first in range(0, len(images), 3) for tile in (*images[first : first + 3], blank)]
    texts = [text for first in range(0, len(images), 3) for text in (*captions[first : first + 3], "")]
    columns = 4 * groups
    sheet = contact_sheet(torch.stack(tiles), texts, columns, smallest=TILE)
    # Without the space after the last three.
    return sheet.crop((0, 0, sheet.width * (columns - 1) // columns, sheet.height))
