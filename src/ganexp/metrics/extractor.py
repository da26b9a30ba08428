"""Feature extractors: networks that map images to the features that scores compare."""

from functools import partial
from typing import Any, Self

import torch
from torch import Tensor, nn

from ganexp.errors import UserError
from ganexp.files.weights import checksum_of

Description = dict[str, str | int | float]


class Extractor(nn.Module):
    """A frozen network that computes features, and possibly logits, of images.

    ``description`` is its part of a score's protocol. It must contain everything that the outputs depend on, because
    results for real images are cached under its ``fingerprint``. ``channels_last`` stores weights and images in memory
    as (N, H, W, C), which changes the rounding alone: the protocol reports it, but scores remain comparable.
    """

    def __init__(self, network: nn.Module, description: Description, channels_last: bool = False) -> None:
        super().__init__()
        self.network = network.eval().requires_grad_(False)
        self.description = description
        self.channels_last = channels_last
        if channels_last:
            # torch converts 4-dimensional weights alone.
            self.network.to(memory_format=torch.channels_last)

    @property
    def fingerprint(self) -> str:
        """A checksum of the description, 16 hexadecimal digits."""
        return checksum_of(self.description)[:16]

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        """Return "features" (N, D) and, where there are classes, "logits" (N, K) of uint8 images (N, C, H, W).

        Both are float32, even under autocast.
        """
        with torch.no_grad(), torch.autocast(images.device.type, enabled=False):
            return {name: output.float() for name, output in self.outputs(images).items()}

    def outputs(self, images: Tensor) -> dict[str, Tensor]:
        """Return the outputs by name, in any floating-point type."""
        raise NotImplementedError("subclasses compute the outputs")

    def train(self, mode: bool = True) -> Self:
        """Stay in evaluation mode."""
        return super().train(False)


def qualified_name(thing: Any) -> str:
    """Return the dotted name of a class or function, with its arguments if it is a partial."""
    if isinstance(thing, partial):
        settings = ", ".join(f"{name}={value}" for name, value in thing.keywords.items())
        return f"{qualified_name(thing.func)}({settings})" if settings else qualified_name(thing.func)
    return f"{thing.__module__}.{thing.__qualname__}"


def require_grey_or_rgb(extractor: str, channels: int, instead: str) -> None:
    """Raise UserError for images that are neither grey nor RGB, with the metric that takes them ``instead``."""
    if channels not in (1, 3):
        raise UserError(
            f"extractor {extractor}: images must be grey or RGB, but have {channels} channels; "
            f"for points in the plane use metric=modes, otherwise metric=[{instead}]."
        )
