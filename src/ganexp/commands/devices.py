"""The device that trained models run on outside of training."""

import torch


def fastest() -> torch.device:
    """Return the GPU where there is one, else the processor."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")
