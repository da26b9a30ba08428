"""Autoencoders: a generator together with the encoder that is trained as its inverse."""

from typing import Any

from torch import Tensor, nn


class Autoencoder(nn.Module):
    """Noise (N, latent) to images (N, C, H, W) by `network`, and images to latents by `encoder`.

    The two are one network to optimizers, moving averages and files of weights.
    """

    def __init__(self, network: nn.Module, encoder: nn.Module) -> None:
        super().__init__()
        self.network = network
        self.encoder: Any = encoder

    def forward(self, noise: Tensor) -> Tensor:
        """Return images (N, C, H, W) in [-1, 1] from noise (N, latent)."""
        output: Tensor = self.network(noise)
        return output
