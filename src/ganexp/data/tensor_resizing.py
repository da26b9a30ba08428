"""Resizing by torch, of pictures that torchvision decodes: faster than Pillow, with nearly its pixels."""

from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn.functional import interpolate

MODES = ("L", "RGB")


class TensorResizer:
    """Resizes pictures with torch's antialiased filter `mode`, "bilinear" or "bicubic", for uint8.

    A JPEG that is opened but not decoded yet is decoded by torchvision, to the pixels of Pillow, as both use
    libjpeg-turbo. Other modes than grey and RGB are left to Pillow's filter of that name, which treats transparency.
    """

    def __init__(self, mode: str, pillow: Image.Resampling) -> None:
        self.mode = mode
        self.pillow = pillow

    def __call__(self, image: Image.Image, size: tuple[int, int]) -> Image.Image:
        """Return the picture in a size (width, height).

        Raises OSError or RuntimeError for a file that cannot be decoded.
        """
        if image.mode not in MODES:
            return image.resize(size, self.pillow)
        pixels = self.resized(_pixels(image), size)
        return Image.fromarray(pixels.permute(1, 2, 0).contiguous().numpy().squeeze(2 if image.mode == "L" else ()))

    def resized(self, pixels: Tensor, size: tuple[int, int]) -> Tensor:
        """Return pixels, uint8 (C, H, W), in a size (width, height), on their device."""
        width, height = size
        if pixels.device.type == "cpu":
            return interpolate(pixels[None], size=(height, width), mode=self.mode, antialias=True)[0]
        # Torch resizes uint8 on the processor alone: rows first, then columns, rounded each time.
        values = pixels[None].float()
        for shape in ((pixels.shape[1], width), (height, width)):
            values = interpolate(values, size=shape, mode=self.mode, antialias=True).round_().clamp_(0, 255)
        return values[0].to(torch.uint8)


def _pixels(image: Image.Image) -> Tensor:
    """Return a grey or RGB picture as uint8 (C, H, W), with the strides of (H, W, C), for which torch is fastest."""
    encoded = encoded_jpeg(image)
    if encoded is not None:
        # Here, as importing it takes a second.
        from torchvision.io import decode_jpeg

        decoded: Tensor = decode_jpeg(encoded)
        return decoded
    return torch.from_numpy(np.atleast_3d(np.array(image))).permute(2, 0, 1)


def encoded_jpeg(image: Any) -> Tensor | None:
    """Return the content, uint8 (B,), of a JPEG that is opened but not decoded yet; None for other pictures."""
    if image.format != "JPEG" or not getattr(image, "tile", None) or image.fp is None:
        return None
    image.fp.seek(0)
    return torch.frombuffer(bytearray(image.fp.read()), dtype=torch.uint8)
