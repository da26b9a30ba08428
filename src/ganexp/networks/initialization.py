"""Weights as DCGAN and the image-to-image papers begin with them."""

from torch import nn

NORMS = nn.BatchNorm2d | nn.InstanceNorm2d | nn.GroupNorm


def initialized(layer: nn.Conv2d | nn.ConvTranspose2d) -> nn.Module:
    """Return the layer with weights from N(0, 0.02^2) and without bias (arXiv 1511.06434, 1611.07004, 1703.10593).

    It comes before any normalization, so that spectral norm starts its vectors from these weights.
    """
    nn.init.normal_(layer.weight, 0.0, 0.02)
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
    return layer


def initialize_norms(network: nn.Module) -> None:
    """Draw the gains of a network's normalizations of maps from N(1, 0.02^2), where they have any."""
    for module in network.modules():
        if isinstance(module, NORMS) and module.weight is not None:
            nn.init.normal_(module.weight, 1.0, 0.02)
