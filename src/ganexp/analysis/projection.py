"""Projection: the noise, or styles, whose image is nearest to a real picture (arXiv 1609.03552, eq. 4; 1912.04958)."""

import math
from collections.abc import Sequence
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor

from ganexp.analysis.latent_search.encoding import FromEncoding
from ganexp.analysis.latent_search.search import Effort
from ganexp.analysis.latent_search.weighted_distance import weighted_distance
from ganexp.analysis.picture_files import read_pictures
from ganexp.analysis.projected_noise import ProjectedNoise, file_name
from ganexp.analysis.style_space import space_of
from ganexp.analysis.subject import Figures, Subject, needs_images, require_at_least
from ganexp.drawing.contact_sheet import contact_sheet
from ganexp.drawing.pictures import save
from ganexp.errors import UserError
from ganexp.metrics.perceptual import SMALLEST
from ganexp.terminal.progress import progress

TILE = 64
MOST_GROUPS = 4
"""Largest number of pictures in a row of projection.png."""


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
        self.effort = Effort(starts, candidates, steps, rate)
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
        distance = weighted_distance(subject, self.weights)
        search_from = FromEncoding if self.encoder and subject.encoder is not None else self.space.search_from
        search = search_from(subject, distance, self.effort)
        latents: list[Tensor] = []
        labels: list[Tensor] = []
        drawn: list[Tensor] = []
        captions: list[str] = []
        figures: Figures = {}
        with progress(f"projecting {self.folder}", len(pictures)) as advance:
            for name, picture in zip(names, pictures, strict=True):
                start, latent, label = search.find(picture)
                (image,) = subject.images(latent[None], None if label is None else label[None])
                before, after = (distance.parts(drawing, picture) for drawing in (start, image))
                figures[name] = {search.starts_from.replace(" ", "_"): before, "projection": after}
                figures[name] |= {} if label is None else {"label": label.tolist()}
                drawn += [picture, start, image]
                named = "" if label is None else f": {subject.label_name(label)}"
                captions += [f"picture {len(latents)}", search.starts_from.split()[0], f"result{named}"]
                latents.append(latent)
                labels += [] if label is None else [label]
                advance(1)
        save(side_by_side(drawn, captions), out / "projection.png")
        of_all = torch.stack(latents), torch.stack(labels) if labels else None
        ProjectedNoise(names, *of_all, subject.latents_are).save(out / file_name(subject))
        return figures


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
