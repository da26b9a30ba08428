"""Mapping of noise to styles, their mean and their mixing (arXiv 1812.04948, 1912.04958)."""

import torch
from torch import Tensor, nn

from ganexp.distributed import collectives
from ganexp.layers.checks import require_positive
from ganexp.layers.equalized import equalized
from ganexp.layers.modulation import activated

DECAY = 0.995
"""Of the mean style's moving average (NVlabs/stylegan2-ada-pytorch training/networks.py)."""
EPSILON = 1e-8


class StyleMapping(nn.Module):
    """Noise (N, latent) to styles (N, style): normalized, then `layers` linear layers with leaky ReLUs.

    The layers learn more slowly by the factor `learning_rate_multiplier`. ``mean`` is the moving average of the styles,
    of which truncation makes use. Raises ValueError for sizes below 1.
    """

    mean: Tensor

    def __init__(self, latent: int, style: int, layers: int = 8, learning_rate_multiplier: float = 0.01) -> None:
        super().__init__()
        require_positive(latent=latent, style=style, mapping_layers=layers)
        widths = [latent, *[style] * layers]
        self.layers = nn.ModuleList(
            equalized(nn.Linear(inputs, style), gain=1.0, learning_rate_multiplier=learning_rate_multiplier)
            for inputs in widths[:-1]
        )
        self.register_buffer("mean", torch.zeros(style))

    def forward(self, noise: Tensor) -> Tensor:
        """Return styles (N, style) from noise (N, latent)."""
        styles = noise * (noise.square().mean(1, keepdim=True) + EPSILON).rsqrt()
        for layer in self.layers:
            styles = activated(layer(styles))
        return styles

    @torch.no_grad()
    def follow(self, styles: Tensor) -> None:
        """Move the mean towards that of styles (N, style) of all ranks."""
        self.mean.copy_(collectives.mean(styles.mean(0)).to(self.mean).lerp(self.mean, DECAY))

    def truncated(self, styles: Tensor, share: float | Tensor) -> Tensor:
        """Return styles (N, …, style) at a share of their distance from the mean (arXiv 1812.04948, appendix B)."""
        return self.mean + share * (styles - self.mean)


def mixed(styles: Tensor, others: Tensor, crossover: Tensor, layers: int) -> Tensor:
    """Return styles of each layer (N, layers, style): before layer `crossover` () those of `styles` (N, style), from
    there on those of `others` (N, style), the mixing regularization of arXiv 1812.04948, section 3.1.
    """
    is_first = torch.arange(layers, device=styles.device) < crossover
    return torch.where(is_first[:, None], styles[:, None], others[:, None])
