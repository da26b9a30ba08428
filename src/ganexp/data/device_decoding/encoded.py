"""Batches from disk whose JPEGs are left encoded."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from PIL import ExifTags
from torch import Tensor

from ganexp.data.arrays import as_label, as_picture
from ganexp.data.decoding import MODES
from ganexp.data.disk import OnDisk, batched
from ganexp.data.tensor_resizing import encoded_jpeg

END = b"\xff\xd9"
STORED_AS_RGB = (82, 71, 66)
"""The numbers of the components of a JPEG that has no luma and chroma."""


class Jpeg(NamedTuple):
    """A JPEG in a batch, its number in the data set, its width and height, EXIF orientation and bytes, uint8 (B,)."""

    place: int
    number: int
    size: tuple[int, int]
    orientation: int
    content: Tensor


class EncodedBatch(NamedTuple):
    """The pictures of a batch: JPEGs still encoded, the others decoded to ``pixels``, uint8 (K, C, H, W), in order.

    The JPEGs' ``content``, uint8 (B,), is one tensor, as each tensor from a worker takes a file descriptor; ``headers``
    are the JPEGs without it, and ``lengths`` their parts of it in bytes.
    """

    headers: list[tuple[int, int, tuple[int, int], int]]
    lengths: list[int]
    content: Tensor
    pixels: Tensor

    def jpegs(self) -> list[Jpeg]:
        """Return the JPEGs."""
        parts = self.content.split(self.lengths)
        return [Jpeg(*header, part) for header, part in zip(self.headers, parts, strict=True)]

    def others(self) -> dict[int, Tensor]:
        """Return the decoded pictures by their place in the batch."""
        encoded = {place for place, *_ in self.headers}
        places = [place for place in range(len(encoded) + len(self.pixels)) if place not in encoded]
        return dict(zip(places, self.pixels, strict=True))


class EncodedOnDisk(OnDisk):
    """The items of an `OnDisk`, of which JPEGs that a device can decode are left encoded.

    The "image" of a batch is an `EncodedBatch`.
    """

    def __getitem__(self, index: int) -> dict[str, Any]:
        with self.naming(index):
            picture, label = self.pictures[index]
            image = as_picture(picture)
            jpeg = _jpeg(image, index, self.decoder.channels)
            item: dict[str, Any] = {"image": self.decoder(image) if jpeg is None else jpeg}
        if self.labelled:
            item["label"] = as_label(label)
        return item

    def batched(self, items: Sequence[dict[str, Any]]) -> dict[str, Any]:
        """Return the items as one batch."""
        images = [item["image"] for item in items]
        rest = [{key: value for key, value in item.items() if key != "image"} for item in items]
        jpegs = [image._replace(place=place) for place, image in enumerate(images) if isinstance(image, Jpeg)]
        others = [image for image in images if not isinstance(image, Jpeg)]
        shape = (0, self.decoder.channels, *self.decoder.image_size)
        encoded = EncodedBatch(
            [jpeg[:-1] for jpeg in jpegs],
            [len(jpeg.content) for jpeg in jpegs],
            torch.cat([jpeg.content for jpeg in jpegs]) if jpegs else torch.empty(0, dtype=torch.uint8),
            torch.stack(others) if others else torch.empty(shape, dtype=torch.uint8),
        )
        return {"image": encoded, **batched(rest)}


def _jpeg(image: Any, number: int, channels: int) -> Jpeg | None:
    """Return a picture as a JPEG if a device decodes it to the pixels of the processor, None for any other."""
    content = encoded_jpeg(image)
    # Further bytes, or none at the end, are for the processor to judge: nvJPEG may fill what is missing with grey.
    if content is None or not _is_plain(image, channels) or bytes(content[-len(END) :].tolist()) != END:
        return None
    return Jpeg(0, number, image.size, image.getexif().get(ExifTags.Base.Orientation, 1), content)


def _is_plain(image: Any, channels: int) -> bool:
    """Return whether an opened JPEG is grey, or has luma and chroma where colour is asked for."""
    if image.mode == "L":
        return True
    is_rgb = image.info.get("adobe_transform") == 0 or tuple(layer[0] for layer in image.layer) == STORED_AS_RGB
    return image.mode == MODES[channels] == "RGB" and not is_rgb
