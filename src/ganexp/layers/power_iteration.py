"""Spectral normalization's power iteration, and how to let it rest."""

from collections.abc import Iterator
from contextlib import contextmanager

from torch import nn
from torch.nn.utils.parametrize import ParametrizationList


@contextmanager
def frozen_power_iteration(network: nn.Module, when: bool = True) -> Iterator[None]:
    """Use the network's spectrally normalized weights without a power iteration, if ``when`` says so.

    Its vectors stand still, as in evaluation mode; the rest of the network goes on as before.
    """
    resting = [child for m in network.modules() if when and isinstance(m, ParametrizationList) for child in m]
    modes = [child.training for child in resting]
    try:
        for child in resting:
            child.training = False
        yield
    finally:
        for child, mode in zip(resting, modes, strict=True):
            child.training = mode
