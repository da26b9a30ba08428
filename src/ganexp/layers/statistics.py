"""Running statistics of normalization layers, and a context in which they are frozen."""

from collections.abc import Iterator
from contextlib import contextmanager

from torch import Tensor, nn
from torch.nn.utils.parametrize import ParametrizationList

BATCH_NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d, nn.SyncBatchNorm)
INSTANCE_NORMS = (nn.InstanceNorm1d, nn.InstanceNorm2d, nn.InstanceNorm3d)


@contextmanager
def frozen_statistics(*networks: nn.Module, parametrizations: bool = True) -> Iterator[None]:
    """Run networks in their current mode, without updating any buffer of a normalization.

    In training mode batch norm still uses the batch's statistics, but the running ones stay fixed;
    parametrizations behave as in evaluation, so that spectral norm runs no power iteration, unless
    ``parametrizations`` is false. Parameters and gradients are not affected. Do not call train() or
    eval() inside.
    """
    flags: list[tuple[nn.Module, str, bool]] = []
    buffers: list[tuple[nn.Module, str, Tensor | None]] = []

    def clear(module: nn.Module, flag: str) -> None:
        flags.append((module, flag, getattr(module, flag)))
        # Bypasses nn.Module.__setattr__, which costs ten times as much and is not needed here.
        object.__setattr__(module, flag, False)

    # The modules are looked up on every use: a cached list would miss a later conversion to SyncBatchNorm.
    try:
        for network in networks:
            for module in network.modules():
                if isinstance(module, ParametrizationList):
                    for parametrization in module if parametrizations else ():
                        clear(parametrization, "training")
                elif isinstance(module, BATCH_NORMS):
                    clear(module, "track_running_stats")
                elif isinstance(module, INSTANCE_NORMS) and module.training and module.track_running_stats:
                    # For instance norm, unlike batch norm, clearing track_running_stats would not stop the updates.
                    for name in ("running_mean", "running_var"):
                        buffers.append((module, name, getattr(module, name)))
                        setattr(module, name, None)
        yield
    finally:
        for module, flag, value in reversed(flags):
            object.__setattr__(module, flag, value)
        for module, name, buffer in reversed(buffers):
            setattr(module, name, buffer)


def running_statistics(network: nn.Module) -> list[Tensor]:
    """Return the running means and variances of a network's normalization layers."""
    tracking = (module for module in network.modules() if isinstance(module, BATCH_NORMS + INSTANCE_NORMS))
    buffers = [getattr(module, name) for module in tracking for name in ("running_mean", "running_var")]
    return [buffer for buffer in buffers if buffer is not None]
