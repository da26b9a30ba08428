"""Features of a network, recorded by forward hooks."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from torch import Tensor, nn

NONLINEARITIES = (nn.ReLU, nn.LeakyReLU, nn.PReLU, nn.ELU, nn.SELU, nn.SiLU, nn.GELU, nn.Tanh, nn.Sigmoid)
CONVOLUTIONS = (nn.Conv2d, nn.ConvTranspose2d)


def identity(maps: Tensor) -> Tensor:
    """Return the maps unchanged."""
    return maps


@contextmanager
def recorded_features(network: nn.Module) -> Iterator[dict[str, Tensor]]:
    """Record the features (N, ...) after a network's nonlinearities while it runs once, by name, from first to last.

    Only modules are recorded, not calls such as torch.relu.
    """
    recorded: dict[str, Tensor] = {}
    with recording(network, NONLINEARITIES, recorded.__setitem__):
        yield recorded


@contextmanager
def recorded_maps(
    network: nn.Module,
    reduce: Callable[[Tensor], Tensor] = identity,
    kinds: tuple[type[nn.Module], ...] = NONLINEARITIES,
) -> Iterator[dict[str, Tensor]]:
    """Record only the features that are maps (N, C, H, W), each after ``reduce``."""
    recorded: dict[str, Tensor] = {}

    def record(name: str, features: Tensor) -> None:
        if features.ndim == 4:
            recorded[name] = reduce(features)

    with recording(network, kinds, record):
        yield recorded


@contextmanager
def recording(
    network: nn.Module, kinds: tuple[type[nn.Module], ...], record: Callable[[str, Tensor], None]
) -> Iterator[None]:
    """Call ``record`` with the name and the output of each module of these kinds that the network runs."""

    def hook_of(name: str) -> Callable[[nn.Module, Any, Tensor], None]:
        return lambda module, inputs, output: record(name, output)

    handles = [m.register_forward_hook(hook_of(name)) for name, m in network.named_modules() if isinstance(m, kinds)]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def last_convolution(network: nn.Module, run: Callable[[], Any]) -> nn.Module | None:
    """Return the last convolution that a network calls while ``run`` runs it, None if it calls none."""
    used: list[nn.Module] = []
    convolutions = [module for module in network.modules() if isinstance(module, CONVOLUTIONS)]
    handles = [m.register_forward_hook(lambda module, inputs, output: used.append(module)) for m in convolutions]
    try:
        run()
    finally:
        for handle in handles:
            handle.remove()
    return used[-1] if used else None
