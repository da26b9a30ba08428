"""The equalized learning rate: weights of unit variance, scaled at runtime by He's constant (arXiv 1710.10196, 4.1)."""

import math
from typing import TypeVar

from torch import Tensor, nn
from torch.nn.utils.parametrize import register_parametrization

from ganexp.layers.normalization import Layer

RELU_GAIN = math.sqrt(2)
"""He's gain for layers before a rectifier (arXiv 1502.01852, eq. 10)."""

AnyLayer = TypeVar("AnyLayer", bound=Layer)


class Scaled(nn.Module):
    """A tensor of any shape times a constant factor."""

    def __init__(self, factor: float) -> None:
        super().__init__()
        # No buffer: a parametrization's buffers are the singular vectors of spectral normalization.
        self.factor = factor

    def forward(self, original: Tensor) -> Tensor:
        """Return the tensor times the factor."""
        return self.factor * original


def equalized(
    layer: AnyLayer, gain: float = RELU_GAIN, learning_rate_multiplier: float = 1.0, bias: float = 0.0
) -> AnyLayer:
    """Return the layer with an equalized learning rate: `weight` is the stored one times gain / sqrt(fan_in).

    The stored weight is drawn from N(0, 1), so that an optimizer with normalized steps, such as Adam, changes every
    layer at the same relative rate. With a `learning_rate_multiplier` r the stored weight is drawn from N(0, 1 / r^2)
    and both it and the stored bias are multiplied by r, which slows the layer down by r, as in the mapping network of
    StyleGAN (arXiv 1812.04948, appendix C). `bias` is the bias's initial value. Raises ValueError for a multiplier that
    is not above 0.
    """
    if not learning_rate_multiplier > 0:
        raise ValueError(f"learning_rate_multiplier={learning_rate_multiplier}: it must be above 0")
    nn.init.normal_(layer.weight, 0.0, 1 / learning_rate_multiplier)
    register_parametrization(layer, "weight", Scaled(gain / math.sqrt(fan_in(layer)) * learning_rate_multiplier))
    if layer.bias is not None:
        nn.init.constant_(layer.bias, bias / learning_rate_multiplier)
        if learning_rate_multiplier != 1:
            register_parametrization(layer, "bias", Scaled(learning_rate_multiplier))
    return layer


def fan_in(layer: Layer) -> int:
    """Return the number of values that a layer's output is a sum over, with its stride left out of account."""
    weight: Tensor = layer.weight
    if isinstance(layer, nn.ConvTranspose2d):
        return weight.shape[0] // layer.groups * weight[0, 0].numel()
    return weight[0].numel()
