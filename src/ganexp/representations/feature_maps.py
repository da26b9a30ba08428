"""Feature maps of a network, recorded by forward hooks."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from torch import Tensor, nn

NONLINEARITIES = (nn.ReLU, nn.LeakyReLU, nn.PReLU, nn.ELU, nn.SELU, nn.SiLU, nn.GELU, nn.Tanh, nn.Sigmoid)
CONVOLUTIONS = (nn.Conv2d, nn.ConvTranspose2d)


def whole(maps: Tensor) -> Tensor:
    """Return maps as they are."""
    return maps


@contextmanager
def noted_maps(
    network: nn.Module,
    reduce: Callable[[Tensor], Tensor] = whole,
    kinds: tuple[type[nn.Module], ...] = NONLINEARITIES,
) -> Iterator[dict[str, Tensor]]:
    """Note, while the network runs once, the maps (N, C, H, W) after its nonlinearities, from first to last, by name.

    ``reduce`` is applied to each before it is stored. Only modules are seen, not calls such as torch.relu.
    """
    noted: dict[str, Tensor] = {}

    def note(name: str) -> Callable[..., None]:
        def hook(module: nn.Module, inputs: Any, output: Tensor) -> None:
            if output.ndim == 4:
                noted[name] = reduce(output)

        return hook

    handles = [m.register_forward_hook(note(name)) for name, m in network.named_modules() if isinstance(m, kinds)]
    try:
        yield noted
    finally:
        for handle in handles:
            handle.remove()


def last_convolution(network: nn.Module, run: Callable[[], Any]) -> nn.Module | None:
    """Return the convolution that is used last while the network runs, None if there is none."""
    used: list[nn.Module] = []
    convolutions = [module for module in network.modules() if isinstance(module, CONVOLUTIONS)]
    handles = [m.register_forward_hook(lambda module, inputs, output: used.append(module)) for m in convolutions]
    try:
        run()
    finally:
        for handle in handles:
            handle.remove()
    return used[-1] if used else None
