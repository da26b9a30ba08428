"""Networks as they are exported: named inputs, images clamped to their range."""

from typing import Any

from torch import Tensor, nn

from ganexp.export.truncation import truncated


class Head(nn.Module):
    """A network whose inputs have the names that they have in the file."""

    def __init__(self, network: Any) -> None:
        super().__init__()
        self.network: Any = network


class SampleHead(Head):
    """Noise, and possibly labels or attributes and a truncation threshold, to samples in [-1, 1]."""

    def forward(
        self,
        noise: Tensor,
        labels: Tensor | None = None,
        attributes: Tensor | None = None,
        truncation: Tensor | None = None,
    ) -> Tensor:
        """Return samples (N, C, H, W) from noise (N, latent), labels (N,) or attributes (N, A), and a threshold ()."""
        noise = noise if truncation is None else truncated(noise, truncation)
        condition = [tensor for tensor in (labels, attributes) if tensor is not None]
        samples: Tensor = self.network(noise, *condition)
        return samples.clamp(-1, 1)


class StyleHead(Head):
    """Noise, and possibly labels and the share of the styles' distance from their mean that is left, to samples."""

    def forward(self, noise: Tensor, labels: Tensor | None = None, truncation: Tensor | None = None) -> Tensor:
        """Return samples (N, C, H, W) in [-1, 1] from noise (N, latent), labels (N,) and a share ()."""
        condition = () if labels is None else (labels,)
        samples: Tensor = self.network(noise, *condition, truncation=truncation)
        return samples.clamp(-1, 1)


class EncoderHead(Head):
    """Images to their latents."""

    def forward(self, image: Tensor) -> Tensor:
        """Return latents (N, latent) of images (N, C, H, W)."""
        latents: Tensor = self.network.encode(image)
        return latents


class TranslationHead(Head):
    """Images to translated images in [-1, 1]."""

    def forward(self, image: Tensor) -> Tensor:
        """Return translated images of the shape (N, C, H, W) of those given."""
        translated: Tensor = self.network(image)
        return translated.clamp(-1, 1)


class DiscriminatorHead(Head):
    """Images, and possibly their labels, attributes, latents or the inputs that they are translations of, to logits."""

    def forward(
        self,
        image: Tensor,
        labels: Tensor | None = None,
        attributes: Tensor | None = None,
        input: Tensor | None = None,
        noise: Tensor | None = None,
    ) -> Tensor:
        """Return logits (N, …) of images (N, C, H, W) being real, and the output of a further head if there is one."""
        condition = [tensor for tensor in (labels, attributes, input, noise) if tensor is not None]
        logits: Tensor = self.network(image, *condition)
        return logits
