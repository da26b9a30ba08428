"""Normalizations of activations and weights, as functions from a layer to a module that any network can take."""

import math
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

from torch import Tensor, nn
from torch.nn.functional import instance_norm
from torch.nn.utils.parametrizations import spectral_norm
from torch.nn.utils.parametrize import register_parametrization

Layer = nn.Linear | nn.Conv2d | nn.ConvTranspose2d


@dataclass(frozen=True)
class Normalization:
    """A network's normalization: of the activations after a layer, of its weight, or both.

    A normalization of activations applies to hidden layers only (arXiv 1511.06434, section 3), one of
    weights to every layer (arXiv 1802.05957, section 2.1). Layers are Linear, Conv2d or
    ConvTranspose2d; `hidden` and `edge` raise ValueError for any other layer.
    """

    vector_norm: Callable[[int], nn.Module] | None = None  # from features to the norm of vectors (N, features)
    map_norm: Callable[..., nn.Module] | None = None  # from channels, and `affine`, to the norm of maps (N, C, H, W)
    weight: Callable[[Layer], nn.Module] | None = None  # from a layer to itself with a normalized weight
    centres: bool = False  # whether the norm of activations subtracts each channel's mean
    within_maps: bool = False  # whether the norm of activations takes its statistics within single feature maps

    def hidden(self, layer: nn.Module) -> nn.Module:
        """Return a hidden layer with its normalization; shapes are the layer's own."""
        layer = self.edge(layer)
        norm = self._norm(_require_layer(layer))
        if norm is None:
            return layer
        if self.centres:
            # The norm subtracts the mean and with it the bias, which would be a parameter without effect.
            layer.register_parameter("bias", None)
        return nn.Sequential(OrderedDict(layer=layer, norm=norm))

    def maps(self, channels: int, affine: bool = True) -> nn.Module:
        """Return the normalization of maps (N, channels, H, W) on its own, for blocks that start with it.

        It is the identity if activations are not normalized. Without `affine` it has no gain and bias.
        """
        return nn.Identity() if self.map_norm is None else self.map_norm(channels, affine=affine)

    def edge(self, layer: nn.Module) -> nn.Module:
        """Return a layer at a network's edge: G's output, D's input and D's output."""
        normalizable = _require_layer(layer)
        return normalizable if self.weight is None else self.weight(normalizable)

    def _norm(self, layer: Layer) -> nn.Module | None:
        if isinstance(layer, nn.Linear):
            return None if self.vector_norm is None else self.vector_norm(layer.out_features)
        return None if self.map_norm is None else self.map_norm(layer.out_channels)


def none() -> Normalization:
    """Return the normalization that leaves every layer unchanged."""
    return Normalization()


def batch() -> Normalization:
    """Return batch normalization of hidden layers (arXiv 1502.03167)."""
    return Normalization(nn.BatchNorm1d, nn.BatchNorm2d, centres=True)


def instance() -> Normalization:
    """Return affine instance normalization of hidden feature maps (arXiv 1607.08022).

    Its `hidden` raises ValueError for a Linear layer, whose output is not a feature map.
    """
    return Normalization(_refused, _instance, centres=True, within_maps=True)


def layer() -> Normalization:
    """Return layer normalization of hidden layers, over channels and positions (arXiv 1607.06450)."""
    return Normalization(nn.LayerNorm, partial(nn.GroupNorm, 1))


def group(groups: int = 32) -> Normalization:
    """Return group normalization of hidden layers (arXiv 1803.08494).

    The number of groups is the largest divisor of the layer's channels that is at most `groups`. Raises ValueError for
    groups < 1; its `hidden` raises ValueError for a Linear layer that would get one feature per group.
    """
    if groups < 1:
        raise ValueError(f"group normalization needs groups of at least 1, not {groups}")
    return Normalization(partial(_group_vectors, groups=groups), partial(_group_maps, groups=groups))


def spectral(scale: float = 1.0) -> Normalization:
    """Return spectral normalization of every layer's weight (arXiv 1802.05957, eq. 8).

    Each weight's spectral norm is `scale`: above 1 the Lipschitz bound is looser (arXiv 2009.02773). Raises
    ValueError unless it is finite and above 0.
    """
    if not (math.isfinite(scale) and scale > 0):
        raise ValueError(f"spectral normalization needs a finite scale above 0, for example 1, not {scale}")
    return Normalization(weight=partial(_spectral, scale=scale))


def batch_spectral() -> Normalization:
    """Return spectral normalization of every weight, with batch normalization after hidden layers."""
    return replace(batch(), weight=_spectral)


def with_activations(chosen: Normalization, otherwise: Normalization) -> Normalization:
    """Return the chosen normalization, with the norm of activations of `otherwise` if it normalizes weights only.

    With `spectral` chosen: spectrally normalized convolutions, each followed by a norm of maps.
    """
    if chosen.weight is None or chosen.map_norm is not None:
        return chosen
    return replace(otherwise, weight=chosen.weight)


def with_affine(normalization: Normalization, affine: bool) -> Normalization:
    """Return the normalization, whose instance normalization has no gains and biases unless `affine`.

    Other normalizations are returned as they are.
    """
    if affine or not normalization.within_maps or normalization.map_norm is None:
        return normalization
    return replace(normalization, map_norm=partial(normalization.map_norm, affine=False))


def with_image_statistics(normalization: Normalization) -> Normalization:
    """Return the normalization, whose batch norms of maps use each image's own statistics in evaluation."""
    if normalization.map_norm is not nn.BatchNorm2d:
        return normalization
    return replace(normalization, map_norm=ImageStatisticsBatchNorm)


def set_batch_norm_epsilon(network: nn.Module, epsilon: float) -> None:
    """Set what is added to the variance in a network's batch norms. Raises ValueError unless it is above 0."""
    if not epsilon > 0:
        raise ValueError(f"batch_norm_epsilon must be above 0, not {epsilon}")
    for module in network.modules():
        if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
            module.eps = epsilon


class ImageStatisticsBatchNorm(nn.BatchNorm2d):
    """Batch normalization (arXiv 1502.03167) that in evaluation uses the statistics of each image alone.

    That is the normalization of a test batch of one image (arXiv 1611.07004, section 3.3).
    """

    def forward(self, input: Tensor) -> Tensor:
        """Return normalized maps (N, C, H, W)."""
        if self.training:
            return super().forward(input)
        return instance_norm(input, weight=self.weight, bias=self.bias, eps=self.eps)


def _require_layer(layer: nn.Module) -> Layer:
    if not isinstance(layer, Layer):
        raise ValueError(f"cannot normalize {type(layer).__name__}: only Linear, Conv2d and ConvTranspose2d")
    return layer


def _refused(features: int) -> nn.Module:
    raise ValueError(
        f"instance normalization needs feature maps, which {features} features of a Linear layer are not: "
        "use `layer` instead"
    )


def _instance(channels: int, affine: bool = True) -> nn.Module:
    return nn.InstanceNorm2d(channels, affine=affine)


def _divisor(channels: int, groups: int) -> int:
    return next(n for n in range(min(groups, channels), 0, -1) if channels % n == 0)


def _group_vectors(features: int, groups: int) -> nn.Module:
    divisor = _divisor(features, groups)
    if divisor == features:
        # A single number minus its own mean is zero, whatever the input.
        raise ValueError(
            f"{features} features in {divisor} groups are one per group, normalized to zero: use fewer groups"
        )
    return nn.GroupNorm(divisor, features)


def _group_maps(channels: int, groups: int, affine: bool = True) -> nn.Module:
    return nn.GroupNorm(_divisor(channels, groups), channels, affine=affine)


def _spectral(layer: Layer, scale: float = 1.0) -> nn.Module:
    # torch treats dimension 1 of a ConvTranspose2d's weight as the outputs, and dimension 0 of other layers'.
    normalized = spectral_norm(layer)
    if scale != 1.0:
        register_parametrization(normalized, "weight", _Scaled(scale))
    return normalized


class _Scaled(nn.Module):
    def __init__(self, scale: float) -> None:
        super().__init__()
        self.scale = scale

    def forward(self, weight: Tensor) -> Tensor:
        return self.scale * weight
