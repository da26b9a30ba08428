"""Unpaired translation in one direction by contrastive learning of patches (arXiv 2007.15651)."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Unpack

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, normalize

from ganexp.augmentation.base import Augmentation
from ganexp.errors import UserError
from ganexp.game.batches import Batch
from ganexp.game.loss_history import Terms
from ganexp.layers.initialization import initialized
from ganexp.numerics.gradients import promote_to_float32
from ganexp.penalties.base import Penalty
from ganexp.variants.one_way_translation import GENERATOR, OneWayTranslation
from ganexp.variants.translation import FORWARD, TranslationSettings, interleave

ADAPTER = "adapter"


class PatchProjection(nn.Module):
    """Projects features at some positions of feature maps to unit vectors, by one perceptron per map (section 3).

    ``widths`` are the maps' channels; every perceptron has one hidden layer of ``features`` and as many outputs.
    ``init_`` draws weights in place, with biases of zero; None is torch's initialization. Vectors are divided by their
    norm plus ``margin``: 1e-7 in taesungp/contrastive-unpaired-translation (models/networks.py), where it counts, as
    initial weights are small.
    """

    def __init__(
        self,
        widths: Sequence[int],
        features: int = 256,
        init_: Callable[[Tensor], Tensor] | None = None,
        margin: float = 0.0,
    ) -> None:
        super().__init__()
        self.margin = margin
        self.perceptrons = nn.ModuleList(
            nn.Sequential(nn.Linear(width, features), nn.ReLU(), nn.Linear(features, features)) for width in widths
        )
        for perceptron in self.perceptrons if init_ is not None else ():
            for layer in (perceptron[0], perceptron[2]):  # type: ignore[index]
                initialized(layer, init_)  # type: ignore[arg-type]

    def forward(self, maps: Sequence[Tensor], positions: Sequence[Tensor]) -> list[Tensor]:
        """Return unit vectors (N, P, features) of maps (N, width, H, W) at their positions (P,) among H * W."""
        return [
            self._normalized(perceptron(feature_map.flatten(2)[:, :, chosen].transpose(1, 2)))
            for perceptron, feature_map, chosen in zip(self.perceptrons, maps, positions, strict=True)
        ]

    def _normalized(self, vectors: Tensor) -> Tensor:
        if self.margin == 0:
            return normalize(vectors, dim=2)
        # The margin is below the resolution of half precision.
        wide = promote_to_float32(vectors)
        normalized: Tensor = wide / (wide.norm(dim=2, keepdim=True) + self.margin)
        return normalized


def patch_nce(queries: Tensor, keys: Tensor, temperature: float) -> Tensor:
    """Return the mean cross-entropy of matching patches to the keys of the same position (eq. 2 and 3), a scalar.

    Both are unit vectors (N, P, features); the negatives are the other patches of the same image.
    """
    similarity = promote_to_float32(queries) @ promote_to_float32(keys).transpose(1, 2) / temperature
    own = torch.arange(keys.shape[1], device=keys.device).expand(len(keys), -1)
    return cross_entropy(similarity.flatten(0, 1), own.flatten())


def channel_adapter(channels: int, wanted: int) -> nn.Conv2d:
    """Return a linear map of pixels (N, channels, H, W) to (N, wanted, H, W); at first the mean of the channels."""
    adapter = nn.Conv2d(channels, wanted, 1)
    nn.init.constant_(adapter.weight, 1 / channels)
    assert adapter.bias is not None
    nn.init.zeros_(adapter.bias)
    return adapter


class CUT(OneWayTranslation):
    """A generator that preserves the content of patches, against a discriminator of the domain b.

    The generator minimizes ``adversarial`` times the adversarial loss, ``nce`` times the contrastive loss of
    ``patches`` patches of input and output in every map of its own ``features``, and ``identity`` times the same loss
    of an image of b and its translation (eq. 5), each as the mean over maps and patches. ``projection`` builds the
    network that embeds features from the generator's ``feature_widths``; the two are trained together.

    ``first`` is as in `OneWayTranslation`; the authors' code (taesungp/contrastive-unpaired-translation,
    models/cut_model.py) has the discriminator first.

    Images of the domain a have ``input_channels`` (None: ``channels``, those of b). If they differ, translations pass
    a `channel_adapter`, trained with the projection, on their way to the generator's features, and ``identity`` must be
    0, as the generator does not take images of b. Raises UserError if it is not.
    """

    shown: tuple[str, ...] = ("input", "output", "identity")

    def __init__(
        self,
        generator: nn.Module,
        discriminator: nn.Module,
        projection: Callable[[Sequence[int]], nn.Module] = PatchProjection,
        adversarial: float = 1.0,
        nce: float = 1.0,
        identity: float = 1.0,
        patches: int = 256,
        temperature: float = 0.07,
        penalties: Mapping[str, Penalty | None] | None = None,
        constraint: Callable[[nn.Module], None] | None = None,
        augmentation: Augmentation | None = None,
        first: str = GENERATOR,
        channels: int | None = None,
        input_channels: int | None = None,
        **translation: Unpack[TranslationSettings],
    ) -> None:
        trained = {FORWARD: generator, "projection": projection(generator.feature_widths)}  # type: ignore[arg-type]
        if channels is not None and input_channels not in (None, channels):
            if identity > 0:
                raise UserError(
                    f"model.identity={identity}: the generator takes images of {input_channels} channels, and those of "
                    f"the target domain have {channels}: model.identity=0"
                )
            trained[ADAPTER] = channel_adapter(channels, input_channels)
            # Images of the target domain cannot be translated.
            self.shown = ("input", "output")
        super().__init__(trained, discriminator, penalties, constraint, augmentation, first, **translation)
        self.adversarial = adversarial
        self.nce = nce
        self.identity = identity
        self.patches = patches
        self.temperature = temperature

    def generator_loss(self, batch: Batch) -> Terms:
        """Return the adversarial loss and the contrastive losses of the input and of the target domain (eq. 5)."""
        inputs, real = batch["input"], batch["image"]
        fake = self.generators[FORWARD](inputs)
        self.hand_over(fake)
        fooling = self.adversary.generator(self, self.critic(inputs), real, fake)
        terms = {
            "adversarial": self.adversarial * fooling["adversarial"],
            "nce": self.nce * self.contrastive_loss(inputs, fake),
        }
        if self.identity > 0:
            terms["identity"] = self.identity * self.contrastive_loss(real, self.generators[FORWARD](real))
        return terms

    def contrastive_loss(self, images: Tensor, translated: Tensor) -> Tensor:
        """Return the contrastive loss of images and their translations, (N, C, H, W) each, a scalar (eq. 3).

        The features of ``images`` get no gradient, as in the authors' code.
        """
        encoder: Any = self.generators[FORWARD]
        projection = self.generators["projection"]
        with torch.no_grad():
            maps = encoder.features(images)
            positions = [self.positions(number, feature_map) for number, feature_map in enumerate(maps)]
            keys = projection(maps, positions)
        if ADAPTER in self.generators:
            translated = self.generators[ADAPTER](translated)
        queries = projection(encoder.features(translated), positions)
        losses = [patch_nce(query, key, self.temperature) for query, key in zip(queries, keys, strict=True)]
        return torch.stack(losses).mean()

    def positions(self, number: int, feature_map: Tensor) -> Tensor:
        """Draw positions (P,) among H * W in a map (N, width, H, W), the same for all images of a batch."""
        rng = self.inputs.generator(f"patches {number}")
        size = feature_map.shape[2] * feature_map.shape[3]
        return torch.randperm(size, generator=rng, device=feature_map.device)[: self.patches]

    def grid(self, examples: Batch) -> Tensor:
        """Return input and output of every example, and the translation of its image of b, (N * columns, C, H, W)."""
        inputs = examples["input"]
        of_b = [] if ADAPTER in self.generators else [self.translate(examples["image"])]
        return interleave(inputs, self.translate(inputs), *of_b)
