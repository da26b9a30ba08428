"""Weight initialization."""

from collections.abc import Callable

from torch import Tensor, nn

from ganexp.layers.normalization import Layer, Normalization

NORMS = nn.BatchNorm2d | nn.InstanceNorm2d | nn.GroupNorm


def dcgan_normal_(weight: Tensor) -> Tensor:
    """Draw a weight in place from N(0, 0.02^2) (arXiv 1511.06434, 1611.07004, 1703.10593)."""
    return nn.init.normal_(weight, 0.0, 0.02)


def initialized(layer: Layer, init_: Callable[[Tensor], Tensor] = dcgan_normal_) -> Layer:
    """Return the layer with its weight initialized in place by `init_` and a bias of zero.

    Initialize before normalizing, so that spectral normalization starts its power iteration from these weights.
    """
    init_(layer.weight)
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
    return layer


def weight_init(init_: Callable[[Tensor], Tensor], normalization: Normalization) -> Callable[[Layer], nn.Module]:
    """Return a function that initializes a layer by `init_`, with a bias of zero, and then normalizes its weight."""

    def init_and_normalize(layer: Layer) -> nn.Module:
        return normalization.edge(initialized(layer, init_))

    return init_and_normalize


def initialize_norms(network: nn.Module) -> None:
    """Draw the gains of a network's normalizations of maps from N(1, 0.02^2), where they have any."""
    for module in network.modules():
        if isinstance(module, NORMS) and module.weight is not None:
            nn.init.normal_(module.weight, 1.0, 0.02)
