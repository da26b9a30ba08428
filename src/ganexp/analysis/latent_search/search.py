"""The search for the latent of a picture: its arguments and its result."""

from dataclasses import dataclass
from typing import NamedTuple, Protocol

from torch import Tensor

from ganexp.analysis.latent_search.descent import Generate
from ganexp.analysis.subject import Subject


@dataclass(frozen=True)
class Effort:
    """Adam takes ``steps`` steps of size ``rate``, from the ``starts`` nearest of ``candidates`` samples."""

    starts: int
    candidates: int
    steps: int
    rate: float


class Projected(NamedTuple):
    """The image (C, H, W) of a search's start, and the latent (latent,) that it found, with its label if any."""

    start: Tensor
    latent: Tensor
    label: Tensor | None


class Search(Protocol):
    """A search for the latent whose image is nearest to a picture; ``starts_from`` is a name, such as mean style."""

    starts_from: str

    def find(self, picture: Tensor) -> Projected:
        """Return the latent of a picture (C, H, W)."""
        ...


def generation(subject: Subject, labels: Tensor | None = None) -> Generate:
    """Return a subject's images as a differentiable function of the latents, with labels if the generator takes any."""
    condition = () if labels is None else (labels.to(subject.device),)

    def generate(latents: Tensor) -> Tensor:
        images: Tensor = subject.generator(latents, *condition)
        return images.float().clamp(-1, 1)

    return generate
