"""Decoding of the JPEGs of batches on a device."""

import io
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol

import torch
from torch import Tensor

from ganexp.data.decoding import OPAQUE, TENSOR_FILTERS, Decoder, covering_size
from ganexp.data.device_decoding.encoded import EncodedBatch, EncodedOnDisk, Jpeg
from ganexp.data.pictures import name_of
from ganexp.errors import UserError, one_line
from ganexp.files.pictures import open_picture

MOST_BYTES = 2**28
"""The bytes of decoded pictures that are on the device at once, unless a single one has more."""

# Of EXIF, by number: how pixels (C, H, W) are turned upright.
UPRIGHT: dict[int, Callable[[Tensor], Tensor]] = {
    2: lambda pixels: pixels.flip(2),
    3: lambda pixels: pixels.flip(1, 2),
    4: lambda pixels: pixels.flip(1),
    5: lambda pixels: pixels.transpose(1, 2),
    6: lambda pixels: pixels.rot90(-1, (1, 2)),
    7: lambda pixels: pixels.flip(1, 2).transpose(1, 2),
    8: lambda pixels: pixels.rot90(1, (1, 2)),
}


class NoDecoder(Exception):
    """The reason why there is no decoder for JPEGs on a device."""


class DecodesJpegs(Protocol):
    """Decodes JPEGs, uint8 (B,) on the processor, on a device to pixels, uint8 (channels, height, width), 1 or 3."""

    def __call__(self, contents: list[Tensor], channels: int, /) -> list[Tensor]:
        """Return the pixels of each; raises RuntimeError if any is refused."""
        ...


class DeviceDecoder:
    """Makes the batches of an `OnDisk` from those of an `EncodedOnDisk`, decoding and resizing JPEGs on a device.

    What ``decode`` refuses is decoded by the processor, and ``report`` gets one line about the first. Raises
    UnreadableError, a UserError with the picture's name, for what the processor cannot decode either.
    """

    def __init__(
        self, dataset: EncodedOnDisk, decode: DecodesJpegs, device: torch.device, report: Callable[[str], None]
    ) -> None:
        self.dataset = dataset
        self.decode = decode
        self.device = device
        self.report = report
        self.refused: set[int] = set()
        """The numbers of the pictures that ``decode`` has refused."""

    def __call__(self, batch: dict[str, Any]) -> dict[str, Any]:
        """Return a batch with its "image", an `EncodedBatch`, as uint8 (B, C, H, W) on the device."""
        return {**batch, "image": self._images(batch["image"])}

    def _images(self, batch: EncodedBatch) -> Tensor:
        jpegs = batch.jpegs()
        images = {place: pixels.to(self.device) for place, pixels in batch.others().items()}
        for part in parts([jpeg for jpeg in jpegs if jpeg.number not in self.refused], MOST_BYTES):
            images |= self._by_device(part)
        images |= {jpeg.place: self._by_processor(jpeg) for jpeg in jpegs if jpeg.place not in images}
        return torch.stack([images[place] for place in range(len(images))])

    def _by_device(self, jpegs: Sequence[Jpeg]) -> dict[int, Tensor]:
        """Return the images by place, without those that are refused."""
        try:
            decoded = self.decode([jpeg.content for jpeg in jpegs], self.dataset.decoder.channels)
        except RuntimeError as error:
            if len(jpegs) > 1:
                return {place: image for jpeg in jpegs for place, image in self._by_device([jpeg]).items()}
            self._note_refused(jpegs[0], error)
            return {}
        return {jpeg.place: self._fitted(jpeg, pixels) for jpeg, pixels in zip(jpegs, decoded, strict=True)}

    def _fitted(self, jpeg: Jpeg, pixels: Tensor) -> Tensor:
        """Return a decoded picture upright, resized and cropped, as a `Decoder` does it."""
        decoder = self.dataset.decoder
        height, width = decoder.image_size
        upright = UPRIGHT.get(jpeg.orientation, Tensor.contiguous)(pixels)
        size = upright.shape[2], upright.shape[1]
        covering = covering_size(size, decoder.image_size)
        if size != covering:
            upright = TENSOR_FILTERS[decoder.resize_filter].resized(upright, covering)
        left, top = (covering[0] - width) // 2, (covering[1] - height) // 2
        return upright[:, top : top + height, left : left + width]

    def _by_processor(self, jpeg: Jpeg) -> Tensor:
        with self.dataset.naming(jpeg.number):
            return self.dataset.decoder(open_picture(io.BytesIO(jpeg.content.numpy().tobytes()))).to(self.device)

    def _note_refused(self, jpeg: Jpeg, error: RuntimeError) -> None:
        if not self.refused:
            name = name_of(self.dataset.pictures, jpeg.number)
            self.report(f"JPEGs that {self.device} refuses are decoded by the processor: {name} ({one_line(error)}) …")
        self.refused.add(jpeg.number)


def parts(jpegs: Sequence[Jpeg], most: int) -> Iterator[list[Jpeg]]:
    """Yield consecutive JPEGs that together have at most ``most`` bytes when they are decoded, or one alone."""
    part: list[Jpeg] = []
    total = 0
    for jpeg in jpegs:
        size = 3 * jpeg.size[0] * jpeg.size[1]
        if part and total + size > most:
            yield part
            part, total = [], 0
        part.append(jpeg)
        total += size
    if part:
        yield part


def require_decodable(decoder: Decoder, value_range: object) -> None:
    """Raise UserError for a decoder, or a setting data.value_range, whose images a device does not make."""
    if value_range is not None:
        raise UserError("data.device_decoding=true decodes 8 bits, as JPEGs have: leave data.value_range out.")
    if decoder.channels not in OPAQUE:
        raise UserError(
            f"data.device_decoding=true decodes grey and RGB, and data.channels={decoder.channels}: choose 1 or 3."
        )
    if decoder.resize_filter not in TENSOR_FILTERS:
        raise UserError(
            f"data.device_decoding=true resizes with torch, and data.resize_filter={decoder.resize_filter} is "
            f"Pillow's: choose {' or '.join(TENSOR_FILTERS)}."
        )
