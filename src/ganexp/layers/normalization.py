"""Normalizations as functions from a layer to a module, so that any network takes any of them."""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from torch import nn
from torch.nn.utils.parametrizations import spectral_norm

Layer = nn.Linear | nn.Conv2d | nn.ConvTranspose2d


@dataclass(frozen=True)
class Normalization:
    """How a network normalizes its layers: what follows a layer, what its weight goes through, or both.

    A normalization of activations applies to hidden layers only (arXiv 1511.06434, section 3), one of
    weights to every layer (arXiv 1802.05957, section 2.1). Layers are Linear, Conv2d or
    ConvTranspose2d; both methods raise ValueError for any other layer.
    """

    activation: Callable[[Layer], nn.Module] | None = None  # from a layer to the norm of its output
    weight: Callable[[Layer], nn.Module] | None = None  # from a layer to itself with a normalized weight
    centres: bool = False  # whether `activation` subtracts each channel's mean
    within_maps: bool = False  # whether `activation` takes its statistics within single feature maps

    def hidden(self, layer: nn.Module) -> nn.Module:
        """Return a hidden layer with its normalization; shapes are the layer's own."""
        layer = self.edge(layer)
        if self.activation is None:
            return layer
        norm = self.activation(_known(layer))
        if self.centres:
            # The mean that the norm subtracts contains the bias: it would be a parameter without effect.
            layer.register_parameter("bias", None)
        return nn.Sequential(OrderedDict(layer=layer, norm=norm))

    def edge(self, layer: nn.Module) -> nn.Module:
        """Return a layer at a network's edge: G's output, D's input and D's output."""
        known = _known(layer)
        return known if self.weight is None else self.weight(known)


def none() -> Normalization:
    """Return the normalization that leaves every layer as it is."""
    return Normalization()


def batch() -> Normalization:
    """Return batch normalization of hidden layers (arXiv 1502.03167)."""
    return Normalization(activation=_batch, centres=True)


def instance() -> Normalization:
    """Return affine instance normalization of hidden feature maps (arXiv 1607.08022).

    Its `hidden` raises ValueError for a Linear layer, whose output has no map to take statistics of.
    """
    return Normalization(activation=_instance, centres=True, within_maps=True)


def layer() -> Normalization:
    """Return layer normalization of hidden layers, over channels and positions (arXiv 1607.06450)."""
    return Normalization(activation=_layer)


def group(groups: int = 32) -> Normalization:
    """Return group normalization of hidden layers (arXiv 1803.08494).

    A layer gets as many groups as divide its channels, at most `groups`. Raises ValueError for
    groups < 1; its `hidden` raises ValueError for a Linear layer that would get one feature a group.
    """
    if groups < 1:
        raise ValueError(f"group normalization needs groups of at least 1, not {groups}")
    return Normalization(activation=partial(_group, groups=groups))


def spectral() -> Normalization:
    """Return spectral normalization of every layer's weight (arXiv 1802.05957, eq. 8)."""
    return Normalization(weight=_spectral)


def batch_spectral() -> Normalization:
    """Return spectral normalization of every weight, with batch normalization after hidden layers."""
    return Normalization(activation=_batch, weight=_spectral, centres=True)


def _known(layer: nn.Module) -> Layer:
    if not isinstance(layer, Layer):
        raise ValueError(f"cannot normalize {type(layer).__name__}: only Linear, Conv2d and ConvTranspose2d")
    return layer


def _channels(layer: Layer) -> int:
    return layer.out_features if isinstance(layer, nn.Linear) else layer.out_channels


def _batch(layer: Layer) -> nn.Module:
    norm = nn.BatchNorm1d if isinstance(layer, nn.Linear) else nn.BatchNorm2d
    return norm(_channels(layer))


def _instance(layer: Layer) -> nn.Module:
    if isinstance(layer, nn.Linear):
        raise ValueError(
            "instance normalization needs a feature map, which a Linear layer has not: use `layer` instead"
        )
    return nn.InstanceNorm2d(layer.out_channels, affine=True)


def _layer(layer: Layer) -> nn.Module:
    if isinstance(layer, nn.Linear):
        return nn.LayerNorm(layer.out_features)
    return nn.GroupNorm(1, layer.out_channels)


def _group(layer: Layer, groups: int) -> nn.Module:
    channels = _channels(layer)
    divisor = next(n for n in range(min(groups, channels), 0, -1) if channels % n == 0)
    if isinstance(layer, nn.Linear) and divisor == channels:
        # A single number minus its own mean is zero, whatever the input.
        raise ValueError(
            f"{channels} features in {divisor} groups are one a group, normalized to zero: use fewer groups"
        )
    return nn.GroupNorm(divisor, channels)


def _spectral(layer: Layer) -> nn.Module:
    # torch takes dimension 1 of a ConvTranspose2d as its outputs and dimension 0 of the others.
    return spectral_norm(layer)
