"""Pictures of the demo: samples, interpolations and translations, independent of the page that shows them."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import cached_property, lru_cache, partial
from pathlib import Path
from typing import Any

import torch
from omegaconf import DictConfig, OmegaConf
from PIL import Image
from torch import Tensor

from ganexp.analysis.interpolation import lerp, slerp
from ganexp.analysis.latent_directions import factorization
from ganexp.analysis.style_space import in_style_space
from ganexp.analysis.subject import MOST_SAMPLES, Subject, needs_images
from ganexp.data.depth.value_range import ValueRange
from ganexp.data.unreadable import reason_of
from ganexp.data.values import to_signed_unit
from ganexp.drawing.pictures import as_image, as_saved, grid
from ganexp.errors import UserError
from ganexp.evaluation.subject import build_subject
from ganexp.files.pictures import open_picture
from ganexp.generation.image_files import ImageFiles
from ganexp.generation.tiling import translate_in_tiles
from ganexp.generation.translate import OPPOSITE, read, require_undriven, resolve_direction, translate
from ganexp.noise import truncated
from ganexp.runs.input_channels import input_channels_of

SLIDERS = 6
STEPS = 8
"""Number of pictures in an interpolation between two samples."""
MANY = 32
"""Number of samples in a grid."""
MOVES = 7
"""Number of pictures of a sample that is moved along a direction."""
SMALLEST = 384
"""Approximate side length in pixels that smaller pictures are enlarged to, by an integer factor."""
MOST_PIXELS = 4096 * 4096
TILE = 1024

Ranges = Mapping[str, tuple[ValueRange | None, ValueRange | None]]
"""Ranges of what is translated and of its translations, by the model's own name of a direction."""
Label = int | Sequence[int] | None
"""A class, or 0 or 1 for each attribute; None is each sample's own."""


class Samples:
    """Samples of a generator, interpolated and moved along the directions that change images most."""

    def __init__(self, subject: Subject) -> None:
        reason = needs_images(subject)
        if reason is not None:
            raise UserError(f"run: {reason}; see analyze")
        self.noise = subject.noise
        # Where noise is mapped to styles, these are what samples are interpolated and moved in; with labels it is the
        # noise, as the styles of a label are those of no other.
        self.subject = in_style_space(subject) if subject.num_classes is None else subject
        self.interpolate = slerp if self.subject is subject else lerp
        self.cut = lru_cache(self.subject.truncated)
        self.spread = float(subject.latents(64).std())

    @classmethod
    def of(cls, model: Any, config: DictConfig) -> "Samples":
        """Return the samples of a run's model."""
        return cls(build_subject(model, config, seed=0))

    @cached_property
    def directions(self) -> Tensor:
        """Unit directions (K, latent), K up to ``SLIDERS``; none if no layer reads the noise."""
        try:
            reader = self.subject.reader
            factors = factorization(
                reader or self.subject.generator, self.subject.latent, self._first_class if reader is None else None
            )
        except ValueError:
            return torch.empty(0, self.subject.latent)
        return factors.directions[:SLIDERS]

    @property
    def can_be_truncated(self) -> bool:
        """Whether the noise distribution can be truncated."""
        try:
            truncated(self.noise, 1.0)
        except ValueError:
            return False
        return True

    def draw(
        self, number: int, other: int, share: float, label: Label, threshold: float | None, steps: list[float]
    ) -> tuple[Image.Image, Image.Image]:
        """Return the interpolation between two samples at ``share``, and the whole interpolation side by side.

        Numbers are those of ``sample run=DIR``. Without a label, that of the first sample is used. All latents are
        moved along each direction by ``steps`` standard deviations of the noise, or of the styles. Raises UserError for
        sample numbers out of range.
        """
        subject = self.subject if threshold is None else self.cut(threshold)
        first, last = subject.latents_of([number, other])
        shares = torch.cat([torch.tensor([share]), torch.linspace(0, 1, STEPS)])
        moves = torch.tensor(steps)[:, None] * self.spread * self.directions
        latents = self.interpolate(first, last, shares) + moves.sum(0)
        images = drawn(subject, latents, [number] * len(latents), label)
        # Checked before drawing, so that broken weights are reported.
        as_saved(images)
        return enlarged(as_image(images[0])), grid(images[1:], STEPS)

    def many(self, first: int, label: Label, threshold: float | None) -> Image.Image:
        """Return a grid of ``MANY`` samples from number ``first`` on, of their own classes or of one."""
        subject = self.subject if threshold is None else self.cut(threshold)
        start = min(first, MOST_SAMPLES - MANY)
        numbers = range(start, start + MANY)
        images = drawn(subject, subject.latents_of(numbers), numbers, label)
        as_saved(images)
        return grid(images, STEPS)

    def truncations(self, first: int, label: Label, thresholds: Sequence[float | None]) -> Image.Image:
        """Return the ``STEPS`` samples from number ``first`` on under each truncation, a row each; None is without."""
        start = min(first, MOST_SAMPLES - STEPS)
        numbers = range(start, start + STEPS)
        rows = []
        for threshold in thresholds:
            subject = self.subject if threshold is None else self.cut(threshold)
            rows.append(drawn(subject, subject.latents_of(numbers), numbers, label))
        images = torch.cat(rows)
        as_saved(images)
        return grid(images, STEPS)

    def along_directions(self, number: int, label: Label, threshold: float | None, reach: float) -> Image.Image:
        """Return a sample moved along each direction, a row each, from -``reach`` to ``reach`` standard deviations."""
        subject = self.subject if threshold is None else self.cut(threshold)
        shifts = torch.linspace(-reach, reach, MOVES)[:, None] * self.spread
        latents = subject.latents_of([number])
        rows = [latents + shifts * direction for direction in self.directions] or [latents]
        moved = torch.cat(rows)
        images = drawn(subject, moved, [number] * len(moved), label)
        as_saved(images)
        return grid(images, MOVES)

    def _first_class(self, noise: Tensor) -> Tensor:
        labels = self.subject.labels(1)
        condition = () if labels is None else (labels.expand(len(noise), *labels.shape[1:]).to(noise.device),)
        images: Tensor = self.subject.generator(noise, *condition)
        return images


class Translations:
    """Translations of a user's pictures, which have ``channels`` by the model's own name of a direction.

    ``ranges`` are those of what is translated and of its translations, in the same way; none for pictures of 8 bits.
    """

    def __init__(
        self, model: Any, channels: Mapping[str, int], trained: str = "a2b", ranges: Ranges | None = None
    ) -> None:
        self.model = model
        self.channels = channels
        self.ranges = ranges or dict.fromkeys(OPPOSITE, (None, None))
        self.own = {}
        """The model's own name for each direction between the data's A and B; ``trained`` is the training direction."""
        for direction in OPPOSITE:
            with suppress(UserError):
                self.own[direction] = resolve_direction(model, direction, trained)

    @classmethod
    def of(cls, model: Any, config: DictConfig, ranges: Ranges | None = None) -> "Translations":
        """Return the translations by a run's model, of images with these ``ranges``."""
        require_undriven(model)
        channels = {direction: input_channels_of(config.data, direction) for direction in OPPOSITE}
        return cls(model, channels, OmegaConf.select(config, "data.direction", default="a2b"), ranges)

    @property
    def have_ranges(self) -> bool:
        """Whether some translations have a range of values, of which a page shows 8 bits."""
        return any(self.ranges[name][1] is not None for name in self.own.values())

    def windows(self, direction: str) -> str:
        """Return which values are shown black and white."""
        given, made = self.ranges[self.own[direction]]
        return "; ".join(f"{name}: {window(shown)}" for name, shown in (("picture", given), ("translation", made)))

    @torch.inference_mode()
    def draw(self, path: Path, direction: str, folder: Path | None = None) -> tuple[Image.Image, Image.Image]:
        """Return a picture as the model sees it, and its translation of the same size, both of 8 bits.

        A translation with a range of values is also written to a ``folder``, in the units of the data. Raises
        UserError, with the file's name, if it is not a picture or has too many pixels.
        """
        require_few_pixels(path)
        given, made = self.ranges[self.own[direction]]
        try:
            image, _ = read(path, self.channels[self.own[direction]], given)
        except Exception as error:  # Pillow can raise almost any exception on a broken file
            raise UserError(f"{path.name}: {reason_of(error)}") from error
        network = partial(self.model.translate, direction=self.own[direction])
        seen = as_image(image if image.is_floating_point() else to_signed_unit(image))
        if made is None:
            return seen, translate(network, image, self.model.multiple, TILE)
        values = translate_in_tiles(network, image, self.model.multiple, TILE, torch.clone)
        if folder is not None:
            ImageFiles(made)(values, folder, "translation")
        return seen, as_image(values)


def drawn(subject: Subject, latents: Tensor, numbers: Sequence[int], label: Label) -> Tensor:
    """Return the images of noise (N, latent) with the labels of the samples with these numbers, or all with one.

    Of noise with codes a class is a category.
    """
    if subject.codes is not None and isinstance(label, int):
        latents = subject.codes.with_category(latents, torch.full((len(latents),), label))
    return subject.images(latents, chosen_labels(subject, numbers, label))


def chosen_labels(subject: Subject, numbers: Sequence[int], label: Label) -> Tensor | None:
    """Return the labels of the samples with these numbers, all as ``label`` if it is given; None without labels."""
    labels = subject.labels_of(numbers)
    return labels if labels is None or label is None else torch.tensor(label).to(labels).expand_as(labels)


def window(shown: ValueRange | None) -> str:
    """Return which values are black and white in a picture of 8 bits."""
    return "8 bits" if shown is None else f"{shown.low:g} is black, {shown.high:g} is white"


def require_few_pixels(path: Path) -> None:
    """Raise UserError for a picture that would take too long, judging by its header before decoding it."""
    try:
        with open_picture(path) as image:
            width, height = image.size
    except Exception as error:
        raise UserError(f"{path.name}: {reason_of(error)}") from error
    if width * height > MOST_PIXELS:
        raise UserError(
            f"{path.name}: {width:,} x {height:,} pixels are too many for this page ({MOST_PIXELS:,} at most); "
            "translate it with: python -m ganexp translate"
        )


def require_number(number: float | None) -> int:
    """Return a sample number; raises UserError if it is invalid."""
    if number is None or number != int(number) or not 0 <= number < MOST_SAMPLES:
        raise UserError(f"{number}: sample numbers are integers from 0 to {MOST_SAMPLES - 1:,}")
    return int(number)


def enlarged(image: Image.Image) -> Image.Image:
    """Return a small picture enlarged by an integer factor."""
    times = max(1, SMALLEST // max(image.size))
    return image.resize((image.width * times, image.height * times), Image.Resampling.NEAREST)
