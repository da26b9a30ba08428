"""Orthogonal regularization of weights (arXiv 1809.11096, eq. 3)."""

import torch
from torch import Tensor, nn
from torch.nn.utils.parametrize import is_parametrized

from ganexp.layers.normalization import Layer


def overlap(filters: Tensor) -> Tensor:
    """Return |W^T W * (1 - I)|_F^2, a scalar, with the filters (count, size) as the columns of W.

    It is zero if the filters are pairwise orthogonal, whatever their norms.
    """
    count, size = filters.shape
    if count > size:
        # |W^T W| = |W W^T|: the smaller of the two saves gigabytes for layers with many outputs.
        return (filters.T @ filters).square().sum() - filters.square().sum(1).square().sum()
    gram = filters @ filters.T
    return (gram - torch.diag(gram.diagonal())).square().sum()


def orthogonal_regularization(network: nn.Module, strength: float = 1e-4) -> Tensor:
    """Return strength * |W^T W * (1 - I)|_F^2, a scalar, summed over a network's layers (arXiv 1809.11096, eq. 3).

    Layers are Linear, Conv2d and ConvTranspose2d, with their weights before spectral normalization; embeddings are left
    out. It is computed in float32, outside autocast. The paper's strength is 1e-4, for the generator.
    """
    weights = [_filters(m) for m in network.modules() if isinstance(m, Layer)]
    with torch.autocast(weights[0].device.type, enabled=False):
        return strength * torch.stack([overlap(filters) for filters in weights]).sum()


def _filters(layer: Layer) -> Tensor:
    # Reading a spectrally normalized weight would run a power iteration.
    name = "parametrizations.weight.original" if is_parametrized(layer, "weight") else "weight"
    weight: Tensor = layer.get_parameter(name)
    if isinstance(layer, nn.ConvTranspose2d):
        weight = weight.transpose(0, 1)
    return weight.flatten(1)
