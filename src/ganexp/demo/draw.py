"""Pictures of the demo: samples, walks between them and translations, independent of the page that shows them."""

from contextlib import suppress
from functools import cached_property, lru_cache, partial
from pathlib import Path
from typing import Any

import torch
from omegaconf import DictConfig, OmegaConf
from PIL import Image
from torch import Tensor

from ganexp.analysis.interpolation import arc
from ganexp.analysis.latent_directions import factorization
from ganexp.analysis.subject import MOST_SAMPLES, Subject, needs_images
from ganexp.data.unreadable import reason_of
from ganexp.drawing.pictures import as_image, as_saved, grid
from ganexp.errors import UserError
from ganexp.evaluation.subject import build_subject
from ganexp.generation.translate import OPPOSITE, read, resolve_direction, translate
from ganexp.noise import truncated

SLIDERS = 6
WAY = 8
"""Pictures on the way between two samples."""
SMALLEST = 384
"""Smaller pictures are enlarged by whole pixels to about so many."""
MOST_PIXELS = 4096 * 4096
TILE = 1024


class Samples:
    """Samples of a generator, on the way to one another and along the directions that change images most."""

    def __init__(self, subject: Subject) -> None:
        reason = needs_images(subject)
        if reason is not None:
            raise UserError(f"run: {reason}; see analyze")
        self.subject = subject
        self.cut = lru_cache(subject.truncated)
        self.spread = float(subject.latents(64).std())

    @classmethod
    def of(cls, model: Any, config: DictConfig) -> "Samples":
        """Return those of a run's model."""
        return cls(build_subject(model, config, seed=0))

    @cached_property
    def directions(self) -> Tensor:
        """Directions (K, latent) of length 1, K up to ``SLIDERS``; none where no layer reads the noise."""
        try:
            factors = factorization(self.subject.generator, self.subject.latent, self._first_class)
        except ValueError:
            return torch.empty(0, self.subject.latent)
        return factors.directions[:SLIDERS]

    @property
    def can_be_truncated(self) -> bool:
        """Whether the noise has tails to cut off."""
        try:
            truncated(self.subject.noise, 1.0)
        except ValueError:
            return False
        return True

    def draw(
        self, number: int, other: int, share: float, label: int | None, threshold: float | None, steps: list[float]
    ) -> tuple[Image.Image, Image.Image]:
        """Return the picture at a share of the way from a sample to another, and the whole way side by side.

        Numbers are those of ``sample run=DIR``. Without a label the first sample keeps its own. All is moved along each
        direction by so many standard deviations of the noise. Raises UserError for numbers that no sample has.
        """
        subject = self.subject if threshold is None else self.cut(threshold)
        first, last = subject.latents_of([number, other])
        shares = torch.cat([torch.tensor([share]), torch.linspace(0, 1, WAY)])
        moves = torch.tensor(steps)[:, None] * self.spread * self.directions
        latents = arc(first, last, shares) + moves.sum(0)
        labels = subject.labels_of([number if label is None else 0] * len(latents))
        if labels is not None and label is not None:
            labels = torch.full_like(labels, label)
        images = subject.images(latents, labels)
        # Before they are drawn, so that weights that are broken are told.
        as_saved(images)
        return enlarged(as_image(images[0])), grid(images[1:], WAY)

    def _first_class(self, noise: Tensor) -> Tensor:
        labels = self.subject.labels(1)
        told = () if labels is None else (labels.expand(len(noise)).to(noise.device),)
        images: Tensor = self.subject.generator(noise, *told)
        return images


class Translations:
    """Translations of pictures that a user brings."""

    def __init__(self, model: Any, channels: int, trained: str = "a2b") -> None:
        self.model = model
        self.channels = channels
        self.own = {}
        """The model's own name of each direction between the data's A and B; it was trained in ``trained``."""
        for direction in OPPOSITE:
            with suppress(UserError):
                self.own[direction] = resolve_direction(model, direction, trained)

    @classmethod
    def of(cls, model: Any, config: DictConfig) -> "Translations":
        """Return those of a run's model."""
        return cls(model, int(config.data.channels), OmegaConf.select(config, "data.direction", default="a2b"))

    @torch.inference_mode()
    def draw(self, path: Path, direction: str) -> tuple[Image.Image, Image.Image]:
        """Return a picture as the model sees it, and its translation of the same size.

        Raises UserError, by the file's name, for what is no picture and for one of too many pixels.
        """
        require_few_pixels(path)
        try:
            image, _ = read(path, self.channels)
        except Exception as error:  # a broken file makes Pillow raise nearly anything
            raise UserError(f"{path.name}: {reason_of(error)}") from error
        network = partial(self.model.translate, direction=self.own[direction])
        seen = Image.fromarray(image[0].numpy() if len(image) == 1 else image.permute(1, 2, 0).numpy())
        return seen, translate(network, image, self.model.multiple, TILE)


def require_few_pixels(path: Path) -> None:
    """Raise UserError for a picture that would take too long, judged by its header before it is decoded."""
    try:
        with Image.open(path) as image:
            width, height = image.size
    except Exception as error:
        raise UserError(f"{path.name}: {reason_of(error)}") from error
    if width * height > MOST_PIXELS:
        raise UserError(
            f"{path.name}: {width:,} x {height:,} pixels are too many for this page ({MOST_PIXELS:,} at most); "
            "translate it by: python -m ganexp translate"
        )


def require_number(number: float | None) -> int:
    """Return the number of a sample; raises UserError for what is none."""
    if number is None or number != int(number) or not 0 <= number < MOST_SAMPLES:
        raise UserError(f"{number}: samples have the whole numbers 0 to {MOST_SAMPLES - 1:,}")
    return int(number)


def enlarged(image: Image.Image) -> Image.Image:
    """Return a small picture enlarged by whole pixels."""
    times = max(1, SMALLEST // max(image.size))
    return image.resize((image.width * times, image.height * times), Image.Resampling.NEAREST)
