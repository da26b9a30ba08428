"""The space of styles of a generator that maps noise to styles, as the noise of a subject (arXiv 1812.04948)."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import ClassVar

import torch
from torch import Tensor, nn

from ganexp.analysis.latent_search.mean_style import FromMeanStyle
from ganexp.analysis.latent_search.nearest_samples import FromNearestSamples
from ganexp.analysis.latent_search.search import Effort, Search
from ganexp.analysis.latent_search.weighted_distance import WeightedDistance
from ganexp.analysis.subject import Subject
from ganexp.errors import UserError
from ganexp.layers.modulation import ModulatedConv2d

NO_STYLES = "its generator has no styles, into which noise is mapped, as model=stylegan2 has"


@dataclass(frozen=True)
class StyleSpace:
    """The two halves of a generator: ``mapping`` to styles (N, width), and ``synthesis`` of images from them.

    The former takes noise (N, latent) and, if the generator is conditional, labels (N,). The latter maps styles of each
    layer (N, ``layers``, width) to images (N, C, H, W).
    """

    mapping: Callable[..., Tensor]
    synthesis: nn.Module
    layers: int
    width: int


class SharedStyles(nn.Module):
    """Styles (N, width) that all layers share, to images (N, C, H, W)."""

    def __init__(self, space: StyleSpace) -> None:
        super().__init__()
        self.synthesis = space.synthesis
        self.layers = space.layers

    def forward(self, styles: Tensor) -> Tensor:
        """Return images (N, C, H, W) from styles (N, width)."""
        images: Tensor = self.synthesis(styles[:, None].expand(-1, self.layers, -1))
        return images


class StyleReader(nn.Module):
    """The layers of a generator that read styles: styles (N, width) to the scales of all channels (N, channels)."""

    def __init__(self, synthesis: nn.Module) -> None:
        super().__init__()
        self.synthesis = synthesis

    def forward(self, styles: Tensor) -> Tensor:
        """Return the scales of the channels of all modulated convolutions."""
        scales = [part.affine(styles) for part in self.synthesis.modules() if isinstance(part, ModulatedConv2d)]
        return torch.cat(scales, 1)


@dataclass(kw_only=True)
class StyledSubject(Subject):
    """A subject with the samples of another, ``mapped``, whose latents are the styles of its noise and labels.

    Its own generator takes no labels.
    """

    latents_are: ClassVar[str] = "styles"
    space: StyleSpace
    mapped: Subject

    def latents(self, n: int) -> Tensor:
        """Return the styles (n, latent) of the samples 0 to n - 1."""
        return self._styles(self.mapped.latents(n), self.mapped.labels(n))

    def latents_of(self, numbers: Sequence[int]) -> Tensor:
        """Return the styles (N, latent) of the samples with these numbers; raises UserError as for noise."""
        return self._styles(self.mapped.latents_of(numbers), self.mapped.labels_of(numbers))

    def _styles(self, noise: Tensor, labels: Tensor | None) -> Tensor:
        condition = () if labels is None else (labels,)
        return self.space.mapping(noise, *condition).cpu()


def in_style_space(subject: Subject) -> Subject:
    """Return the subject whose latents are the styles, with the same samples; the subject itself without styles."""
    space = subject.styles
    if not isinstance(space, StyleSpace):
        return subject
    kept = {part.name: getattr(subject, part.name) for part in fields(subject)}
    changed = {
        "generator": SharedStyles(space),
        "latent": space.width,
        "num_classes": None,
        "class_names": None,
        "attributes": None,
        "reader": StyleReader(space.synthesis),
        "styles": None,
        # It finds noise.
        "encoder": None,
        # Shared, as they depend on the data alone.
        "load_training": lambda: subject.training,
        "load_held_out": lambda: subject.held_out,
        "load_extractor": lambda _: subject.extractor,
        "truncated": lambda threshold: in_style_space(subject.truncated(threshold)),
    }
    return StyledSubject(**kept | changed, space=space, mapped=subject)


@dataclass(frozen=True)
class Space:
    """A space of latents: a subject with them as noise, why it has none (None if it has), and how one is found."""

    within: Callable[[Subject], Subject]
    reason_against: Callable[[Subject], str | None]
    search_from: Callable[[Subject, WeightedDistance, Effort], Search]


SPACES: Mapping[str, Space] = {
    "noise": Space(lambda subject: subject, lambda subject: None, FromNearestSamples),
    "styles": Space(in_style_space, lambda subject: NO_STYLES if subject.styles is None else None, FromMeanStyle),
}


def space_of(name: str) -> Space:
    """Return the space of a name; raises UserError, with the names there are, for any other."""
    if name not in SPACES:
        raise UserError(f"space={name}: choose one of {', '.join(SPACES)}")
    return SPACES[name]
