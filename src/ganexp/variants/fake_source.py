"""A turn's source of fakes, for losses that need more than the turn's own."""

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor

from ganexp.penalties.base import Regenerate


@dataclass(frozen=True)
class FakeSource:
    """The generator of one turn, with its noise and its condition."""

    regenerate: Regenerate
    with_real_conditions: Callable[[], Tensor]
    """Makes fakes (N, C, H, W) of fresh noise and the real images' conditions, such as labels, without gradients."""
