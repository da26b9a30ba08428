"""What all games have in common whose generators make images from images."""

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch.nn.functional import l1_loss

from ganexp.ema import ExponentialMovingAverage
from ganexp.errors import UserError
from ganexp.game.module import AdversarialModule, Batch
from ganexp.losses import Loss
from ganexp.penalties import at_least_float32

log = logging.getLogger(__name__)

FORWARD, BACKWARD = "a2b", "b2a"


class Translation(AdversarialModule):
    """A game over batches {"input": (N, C, H, W), "image": (N, C, H, W)} in [-1, 1] of the domains a and b.

    ``generators`` has the network of each of the variant's ``directions``, and whatever else moves with them. ``ema``
    makes a moving average of all of it, which then translates. Every test image is scored, whatever
    ``scored_samples`` says of games that draw from noise.
    """

    directions: ClassVar[tuple[str, ...]] = (FORWARD,)
    made: ClassVar[tuple[str, ...]] = (FORWARD,)
    """The names of what ``translations`` returns."""
    columns: ClassVar[int] = 3
    """How many pictures ``grid`` shows of each example."""

    def __init__(
        self,
        generators: Mapping[str, nn.Module],
        loss: Loss,
        ema: Callable[[nn.Module], ExponentialMovingAverage] | None = None,
        scored_samples: int = 0,
        **game: Any,
    ) -> None:
        super().__init__(**game)
        self.generators = nn.ModuleDict(generators)
        self.loss = loss
        self.average = ema(self.generators) if ema is not None else None
        self.scored_samples = scored_samples

    def on_train_start(self) -> None:
        """Say what each answer of the discriminator depends on, where that is a patch."""
        patch = getattr(getattr(self, "discriminator", None), "receptive_field", None)
        if patch is not None and self.trainer.is_global_zero:
            log.info("discriminator: each answer judges a patch of %s x %s pixels", patch, patch)

    @property
    def multiple(self) -> int:
        """What the height and the width of an image to translate must be multiples of."""
        return int(self.translator(FORWARD).multiple)  # type: ignore[arg-type]

    def translate(self, images: Tensor, direction: str = FORWARD) -> Tensor:
        """Return images (N, C, H, W) in [-1, 1] translated in evaluation mode, float32.

        Raises ValueError for a direction that the model does not have.
        """
        return self.made_by(self.translator(direction), images)

    def translator(self, direction: str) -> nn.Module:
        """Return the network of a direction, averaged if there is an average; raises ValueError as ``translate``."""
        if direction not in self.directions:
            raise ValueError(f"direction={direction}: this model has only {' and '.join(self.directions)}")
        networks = self.generators if self.average is None else self.average.network
        return networks[direction]  # type: ignore[index]

    @torch.no_grad()
    def made_by(self, network: nn.Module, images: Tensor) -> Tensor:
        """Return what a network makes of images in evaluation mode and float32, whatever the precision of training."""
        was_training = network.training
        network.eval()
        with torch.autocast(self.device.type, enabled=False):
            made = network(images.to(self.device)).float()
        network.train(was_training)
        return made

    def validation_step(self, batch: Batch, batch_idx: int) -> dict[str, Tensor]:
        """Return what is made of the test images, by the names that scores know."""
        return self.translations(batch)

    def translations(self, batch: Batch) -> dict[str, Tensor]:
        """Return the translated images by their direction."""
        return {FORWARD: self.translate(batch["input"])}

    def grid(self, examples: Batch) -> Tensor:
        """Return input, output and target of each example in turn, (N * columns, C, H, W) in [-1, 1]."""
        return in_turn(examples["input"], self.translate(examples["input"]), examples["image"])

    def sample(self, n: int, seed: int, labels: Sequence[int] | None = None) -> Tensor:
        """Raise UserError: this game draws nothing from noise."""
        raise UserError(
            "this model makes images from images, not from noise: python -m ganexp translate run=DIR input=DIR out=DIR"
        )

    def describe_samples(self, seed: int) -> dict[str, Any]:
        """Return the part of a score's protocol that tells how images were translated."""
        return {
            "source": "translation",
            "weights": "generator" if self.average is None else "moving average",
            "batch_norm": "running statistics",
            "precision": str(next(self.generators.parameters()).dtype).removeprefix("torch."),
        }


def distance(images: Tensor, others: Tensor) -> Tensor:
    """Return the mean absolute difference of two batches of images, a scalar in float32 or better."""
    return l1_loss(at_least_float32(images), at_least_float32(others))


def in_turn(*batches: Tensor) -> Tensor:
    """Return the first image of each of several batches (N, C, H, W), then the second of each, and so on."""
    return torch.stack([each.float().cpu() for each in batches], 1).flatten(0, 1)
