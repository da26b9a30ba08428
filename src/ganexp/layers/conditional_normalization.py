"""Conditional normalization: gain and bias are functions of a condition, such as a label."""

from collections.abc import Callable

from torch import Tensor, nn

from ganexp.layers.label_embedding import LabelEmbedding
from ganexp.layers.normalization import Layer


class ConditionalNorm(nn.Module):
    """Normalized maps, scaled and shifted by functions of a condition (arXiv 1610.07629, eq. 5; 1707.00683, eq. 2).

    `norm` has no gain and no bias of its own: with batch norm this is conditional batch norm, with instance norm
    conditional instance norm, with the identity a feature-wise affine map. `gain` and `bias` map the condition to
    (N, C). The gain is centred at 1, as in arXiv 1809.11096, appendix B.
    """

    def __init__(self, norm: nn.Module, gain: nn.Module, bias: nn.Module) -> None:
        super().__init__()
        self.norm = norm
        self.gain = gain
        self.bias = bias

    def forward(self, maps: Tensor, condition: Tensor) -> Tensor:
        """Return maps (N, C, H, W) from maps of that shape and a condition (N, ...)."""
        gain, bias = self.gain(condition)[:, :, None, None], self.bias(condition)[:, :, None, None]
        output: Tensor = (1 + gain) * self.norm(maps) + bias
        return output


def by_label(norm: nn.Module, channels: int, num_classes: int) -> ConditionalNorm:
    """Return the norm of maps (N, channels, H, W) conditional on labels (N,), with gains of 1 and biases of 0 at first.

    Labels may also be attributes (N, num_classes), whose gains and biases are added. `norm` has no gain and bias of its
    own. Class-conditional batch norm follows arXiv 1610.07629 as used in 1802.05637.
    """
    gain, bias = LabelEmbedding(num_classes, channels), LabelEmbedding(num_classes, channels)
    nn.init.zeros_(gain.weight)
    nn.init.zeros_(bias.weight)
    return ConditionalNorm(norm, gain, bias)


def by_vector(
    norm: nn.Module, channels: int, size: int, init_and_normalize: Callable[[Layer], nn.Module]
) -> ConditionalNorm:
    """Return the norm of maps (N, channels, H, W) conditional on vectors (N, size), by linear maps without bias.

    `norm` has no gain and bias of its own; `init_and_normalize` is applied to the two linear maps (arXiv 1809.11096,
    appendix B).
    """
    gain = init_and_normalize(nn.Linear(size, channels, bias=False))
    bias = init_and_normalize(nn.Linear(size, channels, bias=False))
    return ConditionalNorm(norm, gain, bias)
