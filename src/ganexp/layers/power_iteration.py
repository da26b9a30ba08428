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
    modules = network.modules() if when else ()
    resting = [child for module in modules if isinstance(module, ParametrizationList) for child in module]
    modes = [child.training for child in resting]
    try:
        for child in resting:
            child.training = False
        yield
    finally:
        for child, mode in zip(resting, modes, strict=True):
            child.training = mode
