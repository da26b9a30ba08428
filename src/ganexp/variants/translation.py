"""Image-to-image translation: the base of its games."""

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, Required, Unpack

import torch
from torch import Tensor, nn
from torch.nn.functional import l1_loss

from ganexp.drawing.channels import of_one_shape
from ganexp.ema import ExponentialMovingAverage
from ganexp.errors import UserError
from ganexp.game.batches import Batch
from ganexp.game.module import AdversarialModule, GameSettings
from ganexp.image_size import ImageSize
from ganexp.layers.dropout import draws_per_image, numbered
from ganexp.losses import Loss
from ganexp.numerics.gradients import promote_to_float32
from ganexp.variants.samplers.base import describe_weights, evaluated

log = logging.getLogger(__name__)

FORWARD, BACKWARD = "a2b", "b2a"
CYCLES = ("a", "a to b", "a to b to a", "b", "b to a", "b to a to b")
CYCLES_AND_IDENTITIES = (*CYCLES[:3], "a to a", *CYCLES[3:], "b to b")
"""What a game of two directions shows of its domains: inputs, outputs, reconstructions and identities."""


class TranslationSettings(GameSettings, total=False):
    """The arguments of `Translation` that its variants pass on."""

    loss: Required[Loss]
    ema: Callable[[nn.Module], ExponentialMovingAverage] | None
    scored_samples: int


class Translation(AdversarialModule):
    """A game on batches {"input": (N, C, H, W), "image": (N, C, H, W)} in [-1, 1] of the domains a and b.

    ``generators`` holds the network of each of the variant's ``directions``, and whatever else is trained with them.
    Images are translated by their moving average ``ema``, or by the generators themselves without it. All test images
    are scored, so ``scored_samples``, which games that draw from noise need, only switches scores on.
    """

    directions: ClassVar[tuple[str, ...]] = (FORWARD,)
    output_names: ClassVar[tuple[str, ...]] = (FORWARD,)
    """The names of the images that ``translations`` returns."""
    shown: tuple[str, ...] = ("input", "output", "target")
    """The names of the images that ``grid`` shows of each example."""

    def __init__(
        self,
        generators: Mapping[str, nn.Module],
        loss: Loss,
        ema: Callable[[nn.Module], ExponentialMovingAverage] | None = None,
        scored_samples: int = 0,
        **game: Unpack[GameSettings],
    ) -> None:
        super().__init__(**game)
        self.generators = nn.ModuleDict(generators)
        self.loss = loss
        self.average = ema(self.generators) if ema is not None else None
        self.scored_samples = scored_samples

    def on_train_start(self) -> None:
        """Log the receptive field of a patch discriminator."""
        network = getattr(self, "discriminator", None)
        patch, size = (getattr(network, name, None) for name in ("receptive_field", "image_size"))
        if patch is not None and size is not None and self.trainer.is_global_zero:
            log.info("discriminator: each answer judges %s", patch_text(patch, size))

    @property
    def columns(self) -> int:
        """The number of images that ``grid`` shows of each example."""
        return len(self.shown)

    @property
    def multiple(self) -> int:
        """The number that the height and width of an image to translate must be multiples of."""
        return int(self.translator(FORWARD).multiple)  # type: ignore[arg-type]

    def translate(self, images: Tensor, direction: str = FORWARD, numbers: Tensor | None = None) -> Tensor:
        """Return images (N, C, H, W) in [-1, 1] translated in evaluation mode, float32.

        ``numbers`` (N,) of the images select their dropout masks where each image has its own. Raises ValueError for a
        direction that the model does not have.
        """
        return self.infer(self.translator(direction), images, numbers)

    def translator(self, direction: str) -> nn.Module:
        """Return the network of a direction, averaged if there is an average; raises ValueError as ``translate``."""
        if direction not in self.directions:
            raise ValueError(f"direction={direction}: this model has only {' and '.join(self.directions)}")
        averaged = self.average is not None and self.average.averages
        networks = self.average.network if averaged else self.generators  # type: ignore[union-attr]
        module: nn.Module = networks[direction]  # type: ignore[index]
        return module

    def infer(self, network: nn.Module, images: Tensor, numbers: Tensor | None = None) -> Tensor:
        """Return a network's output for images in evaluation mode and float32, whatever the precision of training."""
        with torch.autocast(self.device.type, enabled=False), numbered(network, numbers):
            output: Tensor = evaluated(network, network, images).float()
        return output

    def validation_step(self, batch: Batch, batch_idx: int) -> dict[str, Tensor]:
        """Return the translated test images, by the names that scores use."""
        return self.translations(batch)

    def translations(self, batch: Batch) -> dict[str, Tensor]:
        """Return the translated images by direction."""
        return {FORWARD: self.translate(batch["input"], numbers=batch.get("number"))}

    def grid(self, examples: Batch) -> Tensor:
        """Return input, output and target of every example, (N * columns, C, H, W) in [-1, 1]."""
        return interleave(examples["input"], self.translations(examples)[FORWARD], examples["image"])

    def sample(self, n: int, seed: int, labels: Sequence[int] | None = None) -> Tensor:
        """Raise UserError: there are no samples from noise."""
        raise UserError(
            "this model translates images instead of drawing them from noise: python -m ganexp translate run=DIR "
            "input=DIR out=DIR"
        )

    def describe_samples(self, seed: int) -> dict[str, Any]:
        """Return how images are translated, for the protocol of a score."""
        return {
            "source": "translation",
            **describe_weights(self.average),
            "precision": str(next(self.generators.parameters()).dtype).removeprefix("torch."),
            **({"dropout": "a mask for each image"} if draws_per_image(self.translator(FORWARD)) else {}),
        }


def patch_text(side: int, image: ImageSize) -> str:
    """Return what an answer of a patch discriminator depends on: a square, and whether images are smaller than that."""
    patch = f"a patch of {side} x {side} pixels"
    if side <= min(image):
        return patch
    return (
        f"{patch}, which reaches beyond the images of {image.height} x {image.width}; a lower "
        "model.discriminator.layers makes it smaller"
    )


class TwoWayTranslation(Translation):
    """A game whose generators translate in both directions, so that images can be translated there and back."""

    directions = (FORWARD, BACKWARD)
    output_names = (FORWARD, BACKWARD, "a2b2a", "b2a2b")
    shown: tuple[str, ...] = CYCLES_AND_IDENTITIES

    def translations(self, batch: Batch) -> dict[str, Tensor]:
        """Return the translated images by direction, and their reconstructions as a2b2a and b2a2b."""
        numbers = batch.get("number")
        fake_b = self.translate(batch["input"], FORWARD, numbers)
        fake_a = self.translate(batch["image"], BACKWARD, numbers)
        cycled_a, cycled_b = self.translate(fake_b, BACKWARD, numbers), self.translate(fake_a, FORWARD, numbers)
        return dict(zip(self.output_names, (fake_b, fake_a, cycled_a, cycled_b), strict=True))

    def grid(self, examples: Batch) -> Tensor:
        """Return input, output, reconstruction and identity of every example, first of a and then of b.

        The identity is the translation of an image into its own domain. (N * columns, C, H, W).
        """
        a, b, made, numbers = examples["input"], examples["image"], self.translations(examples), examples.get("number")
        from_a, from_b = [a, made[FORWARD], made["a2b2a"]], [b, made[BACKWARD], made["b2a2b"]]
        if a.shape[1] == b.shape[1]:
            from_a.append(self.translate(a, BACKWARD, numbers))
            from_b.append(self.translate(b, FORWARD, numbers))
        return interleave(*from_a, *from_b)


def l1_distance(images: Tensor, others: Tensor) -> Tensor:
    """Return the mean absolute difference of two batches of images, a scalar in float32 or better."""
    return l1_loss(promote_to_float32(images), promote_to_float32(others))


def interleave(*batches: Tensor) -> Tensor:
    """Return the first image of every batch (N, C, H, W), then the second of every batch, and so on.

    If their numbers of channels differ, they are shown as RGB.
    """
    shown = of_one_shape([batch.float().cpu() for batch in batches])
    return torch.stack(shown, 1).flatten(0, 1)
