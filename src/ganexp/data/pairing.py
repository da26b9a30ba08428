"""How an input and its target come about: as two pictures, or one made from the other."""

from typing import NamedTuple

import torch
from PIL import Image
from torch import Tensor

from ganexp.data.decoding import Decoder
from ganexp.data.degradations import Degradation
from ganexp.errors import UserError


class Pair(NamedTuple):
    """Two pictures of one subject, of one size."""

    input: Image.Image
    target: Image.Image

    @property
    def size(self) -> tuple[int, int]:
        """The width and height of each."""
        return self.target.size


class PairDecoder:
    """Decodes both pictures of a `Pair` into one tensor of twice the channels, the input's first.

    So whatever is cut out or mirrored later is the same for both. Raises UserError if their sizes differ.
    """

    def __init__(self, decoder: Decoder) -> None:
        self.decoder = decoder
        self.image_size = decoder.image_size
        self.channels = 2 * decoder.channels
        self.resize_filter = decoder.resize_filter

    def __call__(self, pair: Pair) -> Tensor:
        """Return uint8 (2 * channels, image_size, image_size)."""
        if pair.input.size != pair.target.size:
            raise UserError(f"the input has {as_text(pair.input.size)} pixels, the target {as_text(pair.target.size)}")
        return torch.cat([self.decoder(pair.input), self.decoder(pair.target)])


class Given:
    """The source's items are pairs."""

    def decoder(self, decoder: Decoder) -> PairDecoder:
        """Return what decodes an item, from what decodes a picture."""
        return PairDecoder(decoder)

    def __call__(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        """Return inputs and targets, (B, C, H, W) each, of decoded items (B, 2 * C, H, W)."""
        inputs, targets = pixels.chunk(2, dim=1)
        return inputs.contiguous(), targets.contiguous()

    def __repr__(self) -> str:
        return "pairs"


class Made:
    """The source's items are pictures, the targets; each input is made from its target by a degradation."""

    def __init__(self, degradation: Degradation) -> None:
        self.degradation = degradation

    def decoder(self, decoder: Decoder) -> Decoder:
        """Return what decodes an item, from what decodes a picture."""
        return decoder

    def __call__(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        """Return inputs and targets, (B, C, H, W) each, of decoded items (B, C, H, W)."""
        return self.degradation(pixels), pixels

    def __repr__(self) -> str:
        return repr(self.degradation)


def as_text(size: tuple[int, int]) -> str:
    """Return a width and height as people write them."""
    return f"{size[0]}x{size[1]}"
