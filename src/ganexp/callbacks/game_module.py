"""Interface of a game as callbacks see it."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from ganexp.losses import Loss


class GamePlayer(Protocol):
    """A player of a game."""

    @property
    def name(self) -> str:
        """The name, by which metrics and optimizers refer to the player."""

    @property
    def network(self) -> nn.Module:
        """The network that the player trains."""

    @property
    def every(self) -> int:
        """The number of batches per turn."""

    @property
    def average(self) -> nn.Module | None:
        """The moving average of the network, which follows each optimizer step."""

    @property
    def judged_by(self) -> str | None:
        """What follows the names of the logits of its fakes and of the real images; None if it makes no fakes."""


class GameModule(Protocol):
    """The attributes of a game that callbacks use.

    Lightning passes a LightningModule to hooks, so these accept ``Any`` and hand it on under this type.
    """

    images: int
    images_seen: int
    batches_seen: int
    seed: int
    scored_samples: int
    loss: Loss

    @property
    def columns(self) -> int:
        """The number of columns of a sample grid."""

    @property
    def device(self) -> torch.device:
        """The device of the networks."""

    @property
    def discriminator(self) -> nn.Module:
        """The discriminator, or the critic."""

    @property
    def loss_history(self) -> Any:
        """The loss terms since the last call of ``read_terms``; false if there are none."""

    @property
    def watched(self) -> Mapping[str, Tensor]:
        """The logits of the last turn, ``real`` and ``fake``; empty for a game without a discriminator."""

    def players(self) -> Sequence[GamePlayer]:
        """Return the players in the order of their turns."""

    def progress(self) -> float:
        """Return the fraction of the budget of images already seen, in [0, 1]."""

    def read_terms(self) -> dict[str, float]:
        """Return the mean of every loss term since the last call."""

    def require_finite_terms(self) -> None:
        """Raise Diverged if a loss term was not finite."""

    def sample(self, n: int, seed: int) -> Tensor:
        """Return samples (n, C, H, W) of numbered noise."""

    def current_samples(self, n: int, batch: dict[str, Tensor]) -> tuple[Tensor, Callable[[Tensor], Tensor]]:
        """Return samples of the generator in its current state, and the discriminator that judges them.

        They may be smaller than the data's images, while only a part of the networks is trained.
        """

    def describe_samples(self, seed: int) -> dict[str, Any]:
        """Return how samples are made, for a score's protocol."""

    def named_parameters(self) -> Iterator[tuple[str, nn.Parameter]]:
        """Yield the parameters of all networks by name."""
