"""One-shot head avatars of two layers, driven by landmarks (arXiv 2008.10174)."""

from collections.abc import Callable, Mapping
from typing import Any, Unpack

import torch
from torch import Tensor, nn

from ganexp.augmentation.base import Augmentation
from ganexp.game.batches import Batch
from ganexp.game.loss_history import Terms
from ganexp.numerics.gradients import promote_to_float32
from ganexp.penalties.base import Penalty
from ganexp.variants.one_way_translation import GENERATOR
from ganexp.variants.pix2pix import Pix2Pix
from ganexp.variants.translation import FORWARD, TranslationSettings, interleave, l1_distance


class HeadAvatar(Pix2Pix):
    """A bi-layer generator against a discriminator of pictures given their inputs, which are a picture and landmarks.

    The generator minimizes (section 3.3) ``adversarial`` times the adversarial loss, ``pixel`` times the mean absolute
    difference of the low-frequency layer from the target, ``features`` times that of the discriminator's features of
    the picture and of the target, averaged over its maps (arXiv 1711.11585, eq. 4), and ``warp`` times the mean
    absolute offset of the texture. ``perceptual``, a function of the picture and the target, is one term more. As in
    the authors' code only ``pixel`` trains the low-frequency layer: to the other terms it is a constant.
    The discriminator's ``features(images, inputs)`` are its maps. ``first``, ``judgement`` and what augmentation and
    penalties see are as in `Pix2Pix`.
    """

    shown = ("source", "landmarks", "output", "target")

    def __init__(
        self,
        generator: nn.Module,
        discriminator: nn.Module,
        adversarial: float = 0.5,
        pixel: float = 10.0,
        features: float = 10.0,
        warp: float = 1.0,
        perceptual: Callable[[Tensor, Tensor], Tensor] | None = None,
        penalties: Mapping[str, Penalty | None] | None = None,
        constraint: Callable[[nn.Module], None] | None = None,
        augmentation: Augmentation | None = None,
        judgement: float = 1.0,
        first: str = GENERATOR,
        **translation: Unpack[TranslationSettings],
    ) -> None:
        super().__init__(
            generator, discriminator, pixel, penalties, constraint, augmentation, judgement, first, **translation
        )
        self.adversarial = adversarial
        self.features = features
        self.warp = warp
        self.perceptual = perceptual

    @property
    def landmarks(self) -> int:
        """The number of landmarks that drive a picture."""
        return int(self.generators[FORWARD].landmarks)  # type: ignore[arg-type]

    def generator_loss(self, batch: Batch) -> Terms:
        """Return the adversarial loss given the input, and the terms of the picture, its features and the warping."""
        inputs, real = batch["input"], batch["image"]
        generator: Any = self.generators[FORWARD]
        layers = generator.layers(inputs)
        fake = layers._replace(low_frequency=layers.low_frequency.detach()).picture()
        self.hand_over(fake)
        terms = self.adversary.generator(self, self.critic(inputs), real, fake)
        terms["adversarial"] = self.adversarial * terms["adversarial"]
        terms["pixel"] = self.l1 * l1_distance(torch.tanh(layers.low_frequency), real)
        if self.features > 0:
            terms["features"] = self.features * self.feature_distance(inputs, fake, real)
        if self.perceptual is not None:
            terms["perceptual"] = self.perceptual(fake, real)
        terms["warp"] = self.warp * promote_to_float32(layers.offsets).abs().mean()
        return terms

    def feature_distance(self, inputs: Tensor, fake: Tensor, real: Tensor) -> Tensor:
        """Return the mean absolute difference of the discriminator's maps of two batches, (N, C, H, W) each."""
        discriminator: Any = self.discriminator
        with torch.no_grad():
            wanted = discriminator.features(real, inputs)
        made = discriminator.features(fake, inputs)
        return torch.stack([l1_distance(one, other) for one, other in zip(made, wanted, strict=True)]).mean()

    def grid(self, examples: Batch) -> Tensor:
        """Return source, driving landmarks, output and target of every example, (N * columns, C, H, W) in [-1, 1]."""
        inputs, target = examples["input"], examples["image"]
        source = inputs[:, : target.shape[1]]
        driving = inputs[:, source.shape[1] + 1 :] if inputs.shape[1] > source.shape[1] else inputs
        drawn = driving.amax(1, keepdim=True).expand_as(source)
        return interleave(source, drawn, self.translations(examples)[FORWARD], target)
