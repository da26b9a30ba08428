"""Pixel value range of network inputs."""

import torch
from torch import Tensor


def to_signed_unit(image: Tensor) -> Tensor:
    """Return uint8 pixels as float32 in [-1, 1] on the same device; floats pass unchanged.

    Any shape. The mapping is fixed (0 to -1, 255 to 1), whatever the values in a batch.
    """
    if image.dtype != torch.uint8:
        return image
    return image.float().div_(127.5).sub_(1)
