"""Items of paired data: pairs of pictures, or pictures whose inputs are made by a degradation."""

from typing import NamedTuple

import torch
from PIL import Image
from torch import Tensor

from ganexp.data.decoding import Decoder
from ganexp.data.translation.degradations import Degradation, reason_for_host
from ganexp.errors import UserError


class Pair(NamedTuple):
    """Two pictures of one subject, of equal size."""

    input: Image.Image
    target: Image.Image

    @property
    def size(self) -> tuple[int, int]:
        """The width and height of either picture."""
        return self.target.size


class PairDecoder:
    """Decodes both pictures of a `Pair` into one tensor with twice the channels, input first.

    Every later crop or flip therefore applies to both. Raises UserError if their sizes differ.
    """

    def __init__(self, decoder: Decoder) -> None:
        self.decoder = decoder
        self.image_size = decoder.image_size
        self.channels = 2 * decoder.channels
        self.resize_filter = decoder.resize_filter

    def __call__(self, pair: Pair) -> Tensor:
        """Return uint8 (2 * channels, height, width)."""
        if pair.input.size != pair.target.size:
            raise UserError(f"the input has {as_text(pair.input.size)} pixels, the target {as_text(pair.target.size)}")
        return torch.cat([self.decoder(pair.input), self.decoder(pair.target)])


class PairedItems:
    """Items that are pairs already."""

    reason_for_host: str | None = None

    def decoder(self, decoder: Decoder) -> PairDecoder:
        """Return the decoder of an item, given that of a picture."""
        return PairDecoder(decoder)

    def __call__(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        """Return inputs and targets, (B, C, H, W) each, of decoded items (B, 2 * C, H, W)."""
        inputs, targets = pixels.chunk(2, dim=1)
        return inputs.contiguous(), targets.contiguous()

    # Part of the cache's fingerprints, as is that of a degradation.
    def __repr__(self) -> str:
        return "pairs"


class DegradedItems:
    """Items that are target pictures, whose inputs are made by a degradation."""

    def __init__(self, degradation: Degradation) -> None:
        self.degradation = degradation
        self.reason_for_host = reason_for_host(degradation)

    def decoder(self, decoder: Decoder) -> Decoder:
        """Return the decoder of an item, given that of a picture."""
        return decoder

    def __call__(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        """Return inputs and targets, (B, C, H, W) each, of decoded items (B, C, H, W)."""
        return self.degradation(pixels), pixels

    def __repr__(self) -> str:
        return repr(self.degradation)


def as_text(size: tuple[int, int]) -> str:
    """Return a width and height as text, such as 256x128."""
    return f"{size[0]}x{size[1]}"
