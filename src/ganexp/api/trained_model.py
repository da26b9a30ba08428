"""Trained models: samples, translations, networks, configuration and scores."""

import copy
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from omegaconf import DictConfig, OmegaConf

from ganexp.errors import UserError
from ganexp.image_size import ImageSize
from ganexp.numerics.flags import full_precision
from ganexp.runs.class_names import attribute_sets, class_numbers
from ganexp.runs.input_channels import input_channels_of

if TYPE_CHECKING:
    from torch import Tensor, nn


@dataclass(frozen=True, eq=False)
class TrainedModel:
    """A trained model, which ``load`` and ``train`` return.

    ``game`` is its Lightning module. ``config`` is its configuration with references resolved. ``scores`` are the
    latest of each kind, as in scores.json: name, value, spread, images_seen and protocol. ``classes`` are the names of
    the classes by number, None where there are none.
    """

    folder: Path
    game: Any = field(repr=False)
    config: DictConfig = field(repr=False)
    scores: list[dict[str, Any]] = field(repr=False)
    classes: list[str] | None = field(default=None, repr=False)

    @property
    def generator(self) -> "nn.Module":
        """The network that draws samples, the moving average where there is one, or translates in the first direction.

        It maps noise (N, latent), and labels (N,) if the model is conditional, to images (N, C, H, W); a translator
        maps images to images.
        """
        network: nn.Module = (
            self.game.translator(self.game.directions[0]) if self._translates else self.game.sampler.network
        )
        return network

    @property
    def discriminator(self) -> "nn.Module":
        """The discriminator, that of the second domain where there are two, from images (N, C, H, W) to logits.

        A conditional one also takes labels or inputs. Raises UserError for a model without one.
        """
        network: nn.Module | None = getattr(self.game, "discriminator", None)
        if network is None:
            raise UserError(f"{self.folder}: its model, {type(self.game).__name__}, has no discriminator")
        return network

    def sample(
        self,
        n: int,
        seed: int = 0,
        labels: Sequence[int | str] | None = None,
        truncation: float | None = None,
        codes: Sequence[int] | None = None,
    ) -> "Tensor":
        """Return samples 0 to n - 1 (n, C, H, W), float32 in [-1, 1] on the CPU.

        They are those of ``python -m ganexp sample`` with the same arguments, bit for bit; sample number k depends on k
        and the seed alone. ``labels``, numbers or names of classes, or sets of attributes such as "Smiling+Male", are
        repeated in order, by default every class in turn, as are ``codes``, the
        categories of infogan; ``truncation`` cuts the noise off at that distance from 0.
        Points in the plane have the shape (n, 2, 1, 1), without bounds. Raises UserError for arguments that the model
        cannot take, and for a model that translates.
        """
        from ganexp.generation.sample import drawn

        if self._translates:
            raise UserError(f"{self.folder}: its model translates images, without noise: use translate(images)")
        if n < 1:
            raise UserError(f"n={n}: it must be 1 or more")
        game = self.game if truncation is None else self._truncated(truncation)
        read = class_numbers if getattr(self.game, "attribute_sets", None) is None else attribute_sets
        numbers = None if labels is None else read(labels, self.classes)
        with full_precision():
            try:
                samples = drawn(game, n, seed, numbers, codes).cpu()
            except ValueError as error:
                raise UserError(str(error)) from error
        return samples

    def translate(self, images: "Tensor", direction: str | None = None) -> "Tensor":
        """Return images (N, C, H, W) in [-1, 1] translated, float32 on the CPU, of the same shape and range.

        They are those of ``python -m ganexp translate``, for images no larger than its tiles. ``direction`` is "a2b" or
        "b2a", with A and B as in the data, by default the model's first. Sides are mirrored up to a multiple that the
        network can take. Raises UserError for images of other shapes or values, and for a model that draws from noise.
        """
        from ganexp.generation.tiling import translate_whole
        from ganexp.generation.translate import resolve_direction

        trained = OmegaConf.select(self.config, "data.direction", default="a2b")
        own_direction = resolve_direction(self.game, direction, trained)
        network = partial(self.game.translate, direction=own_direction)
        require_images(images, input_channels_of(self.config.data, own_direction))
        with full_precision():
            return translate_whole(network, images, self.game.multiple)

    def encode(self, images: "Tensor") -> "Tensor":
        """Return the latents (N, latent) of images (N, C, H, W) in [-1, 1], float32 on the CPU, of the model's size.

        ``generator`` maps them back to images. Raises UserError for images of other shapes or values, and for a model
        without an encoder.
        """
        if not hasattr(self.game, "encode"):
            raise UserError(f"{self.folder}: its model, {type(self.game).__name__}, has no encoder")
        require_images(images, self.config.data.channels)
        size = ImageSize.of(self.config.data.image_size)
        if tuple(images.shape[2:]) != tuple(size):
            raise UserError(f"images must be of the model's size, {size.text}; these are {tuple(images.shape)}")
        with full_precision():
            latents: Tensor = self.game.encode(images).cpu()
        return latents

    @property
    def _translates(self) -> bool:
        return hasattr(self.game, "translate")

    def _truncated(self, threshold: float) -> Any:
        """Return the game with the same networks, whose sampler alone is truncated."""
        from ganexp.runs.model import truncate

        game = copy.copy(self.game)
        if hasattr(game, "sampler"):
            game.sampler = copy.copy(game.sampler)
        truncate(game, threshold)
        return game


def require_images(images: "Tensor", channels: int) -> None:
    """Raise UserError unless images are (N, C, H, W) in [-1, 1] of that many channels."""
    import torch

    needed = f"images must be a float tensor (N, {channels}, H, W) in [-1, 1]"
    if not isinstance(images, torch.Tensor) or not images.is_floating_point():
        kind = images.dtype if isinstance(images, torch.Tensor) else type(images).__name__
        raise UserError(f"{needed}; these are {kind}: pixels in 0..255 are scaled by images / 127.5 - 1")
    if images.dim() != 4 or images.shape[1] != channels or 0 in images.shape:
        raise UserError(f"{needed}; these are {tuple(images.shape)}")
    if not bool((images.abs() <= 1).all()):
        raise UserError(f"{needed}; these are in [{images.min():.4g}, {images.max():.4g}]")
