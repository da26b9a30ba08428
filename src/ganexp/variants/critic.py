"""Critics: a discriminator as a function of images, bound to the condition under which it judges them."""

from collections.abc import Callable, Mapping
from typing import Any

from torch import Tensor, nn

from ganexp.augmentation.base import Augmentation, NoAugmentation
from ganexp.game.loss_history import Terms
from ganexp.penalties.base import Penalty

Augment = Callable[[Tensor], Tensor]
"""Maps images (N, C, H, W) to images; every call distorts the n-th image in the same way."""


class Critic:
    """Maps images (N, C, H, W) in [-1, 1] to logits (N, …), by a network that may also take labels (N,)."""

    def __init__(self, network: Callable[..., Any], *condition: Tensor) -> None:
        self.network = network
        self.condition = condition

    def __call__(self, images: Tensor) -> Tensor:
        """Return the logits (N, …) of images being real."""
        logits: Tensor = self.network(images, *self.condition)
        return logits

    def judge(self, images: Tensor) -> tuple[Tensor, Terms]:
        """Return the logits, and from the same forward pass any terms that both players minimize beside their loss."""
        return self(images), {}

    def augmented(self, augment: Augment) -> "Critic":
        """Return the critic of images that are augmented this way; labels are not affected."""
        return self


class HeadCritic(Critic):
    """A critic whose network has a head beside its logits, and is not given the condition.

    Its network maps images (N, C, H, W) to logits (N, …) and to what the head says, which this critic ignores.
    """

    def __call__(self, images: Tensor) -> Tensor:
        """Return the logits (N, …) of images being real."""
        logits: Tensor = self.network(images)[0]
        return logits


class PairCritic(Critic):
    """A critic of pairs: its condition is the inputs (N, C, H, W), which are augmented exactly like the images."""

    def augmented(self, augment: Augment) -> Critic:
        """Return the critic whose inputs are augmented this way."""
        return PairCritic(self.network, *map(augment, self.condition))


def require_no_discriminator(
    penalties: Mapping[str, Penalty | None] | None,
    constraint: Callable[[nn.Module], None] | None,
    augmentation: Augmentation | None,
    instead: str,
) -> None:
    """Raise ValueError for parts that act on a discriminator; ``instead`` is a model that has one."""
    penalized = any(penalty is not None for penalty in (penalties or {}).values())
    if penalized or constraint is not None or not isinstance(augmentation, NoAugmentation | None):
        raise ValueError(
            f"this model has no discriminator: leave out penalty=… and augmentation=…, or choose {instead}"
        )
