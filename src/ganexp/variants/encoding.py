"""Games with an encoder: latents of real images, and what the generator makes of them."""

from typing import Any

import torch
from torch import Tensor

from ganexp.noise import Noise, is_normal
from ganexp.variants.generation import Generation
from ganexp.variants.samplers.base import clamped, evaluated


class EncodingGame(Generation):
    """A game whose encoder maps images (N, C, H, W) in [-1, 1] to latents (N, latent) of its generator.

    The generator is an `Autoencoder`, and so is its average, whose encoder encodes where there is one.
    """

    @property
    def encoding_network(self) -> Any:
        """The encoder of the weights that draw samples."""
        return self.sampler.weights.encoder

    def encode(self, images: Tensor) -> Tensor:
        """Return the latents (N, latent) of images (N, C, H, W) in [-1, 1], in evaluation mode and float32."""
        encoder = self.encoding_network
        with torch.autocast(self.device.type, enabled=False):
            latents: Tensor = evaluated(encoder, encoder.encode, images).float()
        return latents

    def reconstruct(self, images: Tensor) -> Tensor:
        """Return what the generator makes of the latents of images (N, C, H, W), in [-1, 1]."""
        return clamped(self.sampler.generate(self.encode(images)))


def require_normal(noise: Noise) -> None:
    """Raise ValueError for noise that is not standard normal, the prior that codes are compared with."""
    if not is_normal(noise):
        raise ValueError(
            "model.noise: codes are compared with a standard normal prior (arXiv 1312.6114, appendix B), so the "
            "noise must be ganexp.noise.normal"
        )


def require_latents(encoder: Any, latent: int) -> None:
    """Raise ValueError for an encoder whose latents have another length than the generator's."""
    length = getattr(encoder, "latent", latent)
    if length != latent:
        raise ValueError(
            f"the encoder has latents of {length} values and the generator takes {latent}: set model.latent"
        )
