"""Device for arithmetic in float64."""

import torch

WITHOUT_FLOAT64 = frozenset({"mps"})
"""Apple's GPUs."""


def float64_device(device: torch.device) -> torch.device:
    """Return the device itself, or the CPU in place of a device that has no float64."""
    return device if has_float64(device) else torch.device("cpu")


def has_float64(device: torch.device) -> bool:
    """Return whether a device has float64."""
    return device.type not in WITHOUT_FLOAT64
