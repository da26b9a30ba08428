"""Items of paired data: pairs of pictures, or pictures whose inputs are made by a degradation."""

from typing import Any, NamedTuple

import torch
from torch import Tensor

from ganexp.data.arrays import as_picture
from ganexp.data.decoding import Decoder
from ganexp.data.translation.degradations import Degradation, reason_for_host
from ganexp.errors import UserError


class Decoders(NamedTuple):
    """The decoders of inputs and of targets."""

    inputs: Decoder
    targets: Decoder


class Pair(NamedTuple):
    """Two pictures of one subject, of equal size: PIL images, arrays or tensors (`as_picture`)."""

    input: Any
    target: Any

    @property
    def size(self) -> tuple[int, int]:
        """The width and height of either picture."""
        size: tuple[int, int] = as_picture(self.target).size
        return size


class PairDecoder:
    """Decodes both pictures of a `Pair` into one tensor with the channels of both, input first.

    Every later crop or flip therefore applies to both. Inputs have a decoder of their own where they have other
    channels or another range of values. Raises UserError if the pictures' sizes differ.
    """

    def __init__(self, decoder: Decoder, input_decoder: Decoder | None = None) -> None:
        self.decoder = decoder
        self.input_decoder = decoder if input_decoder is None else input_decoder
        self.image_size = decoder.image_size
        self.channels = self.input_decoder.channels + decoder.channels
        self.resize_filter = decoder.resize_filter
        self.dtype = decoder.dtype
        ranges = [part.value_range for part in (self.input_decoder, decoder)]
        suffix = "".join(f" {stated.text}" for stated in ranges if stated is not None)
        self.settings = f"{self.image_size} {self.channels} {self.resize_filter}{suffix}"

    def __call__(self, pair: Pair) -> Tensor:
        """Return the pixels (channels of the input and of the target, height, width)."""
        first, second = as_picture(pair.input), as_picture(pair.target)
        if first.size != second.size:
            raise UserError(f"the input has {as_text(first.size)} pixels, the target {as_text(second.size)}")
        return torch.cat([self.input_decoder(first), self.decoder(second)])


class PairedItems:
    """Items that are pairs already; inputs have ``input_channels``, None for as many as the targets."""

    reason_for_host: str | None = None

    def __init__(self, input_channels: int | None = None) -> None:
        self.input_channels = input_channels

    def decoder(self, decoders: Decoders) -> PairDecoder:
        """Return the decoder of an item, given those of a picture."""
        return PairDecoder(decoders.targets, decoders.inputs)

    def __call__(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        """Return inputs and targets, (B, C, H, W) each, of decoded items with the channels of both."""
        split = pixels.shape[1] // 2 if self.input_channels is None else self.input_channels
        return pixels[:, :split].contiguous(), pixels[:, split:].contiguous()

    # Part of the cache's fingerprints, as is that of a degradation.
    def __repr__(self) -> str:
        return "pairs" if self.input_channels is None else f"pairs, inputs of {self.input_channels} channels"


class DegradedItems:
    """Items that are target pictures, whose inputs are made by a degradation."""

    def __init__(self, degradation: Degradation) -> None:
        self.degradation = degradation
        self.reason_for_host = reason_for_host(degradation)

    def decoder(self, decoders: Decoders) -> Decoder:
        """Return the decoder of an item, given those of a picture."""
        return decoders.targets

    def __call__(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        """Return inputs and targets, (B, C, H, W) each, of decoded items (B, C, H, W)."""
        return self.degradation(pixels), pixels

    def __repr__(self) -> str:
        return repr(self.degradation)


def as_text(size: tuple[int, int]) -> str:
    """Return a width and height as text, such as 256x128."""
    return f"{size[0]}x{size[1]}"
