"""Adaptive pseudo augmentation: fakes among the real images of a discriminator that overfits (arXiv 2111.06849)."""

from collections.abc import Callable

import torch
from torch import Tensor

from ganexp.augmentation.base import Draw
from ganexp.augmentation.sign_adaptation import SignAdaptation, require_probability


class AdaptivePseudoAugmentation(SignAdaptation):
    """Fakes take the place of real images with probability ``p``, which adapts as ADA's does (section 3.2).

    Nothing is transformed. The fakes are of fresh noise and of the real images' labels, and are made whatever p is; in
    games whose fakes are not made from noise alone they are the turn's own. Raises UserError unless p is in [0, 1], the
    target in [-1, 1] and ``images_to_full`` positive.
    """

    def __init__(self, p: float = 0.0, target: float = 0.6, images_to_full: int = 500_000) -> None:
        require_probability(p)
        super().__init__()
        self.register_buffer("p", torch.tensor(float(p)))
        self.adapt_to(target, images_to_full)

    def forward(self, images: Tensor, draw: Draw) -> Tensor:
        """Return the images unchanged."""
        return images

    def with_pseudo_labels(self, real: Tensor, pseudo_real: Callable[[], Tensor], draw: Draw) -> Tensor:
        """Return the real images (N, C, H, W), each with probability p replaced by a fake one."""
        chosen = draw(len(real), lambda total, rng: torch.rand(total, generator=rng, device=rng.device)) < self.p
        return torch.where(chosen[:, None, None, None], pseudo_real().to(real.dtype), real)
