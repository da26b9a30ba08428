"""Power iteration of spectral normalization, and a context in which it is frozen."""

from collections.abc import Iterator
from contextlib import contextmanager

from torch import nn
from torch.nn.utils.parametrize import ParametrizationList


@contextmanager
def frozen_power_iteration(network: nn.Module, when: bool = True) -> Iterator[None]:
    """Use the network's spectrally normalized weights without a power iteration, if ``when`` is true.

    The singular vectors stay fixed, as in evaluation mode; the rest of the network is unaffected.
    """
    modules = network.modules() if when else ()
    parametrizations = [
        parametrization for module in modules if isinstance(module, ParametrizationList) for parametrization in module
    ]
    modes = [parametrization.training for parametrization in parametrizations]
    try:
        for parametrization in parametrizations:
            parametrization.training = False
        yield
    finally:
        for parametrization, mode in zip(parametrizations, modes, strict=True):
            parametrization.training = mode
