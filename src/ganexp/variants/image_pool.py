"""A pool of past fakes, of which the discriminator sees some again (arXiv 1612.07828, section 2.3; 1703.10593)."""

from typing import Any

import torch
from torch import Tensor, nn


class ImagePool(nn.Module):
    """Keeps ``size`` images of the shape (channels, image_size, image_size), and lends them out; 0 keeps none.

    What it keeps is its state. It draws nothing by itself: ``exchange`` is given a random generator.
    """

    images: Tensor

    def __init__(self, size: int, channels: int, image_size: int) -> None:
        super().__init__()
        if size < 0:
            raise ValueError(f"pool={size}: it must be 0 or more images")
        self.register_buffer("images", torch.zeros(size, channels, image_size, image_size))
        self.filled = 0

    @torch.no_grad()
    def exchange(self, fakes: Tensor, rng: torch.Generator) -> Tensor:
        """Return for each image (N, C, H, W) itself or, once the pool is full, with probability 1/2 a kept one.

        That leaves its place in the pool to the one that was given.
        """
        return torch.cat([self._exchange(some, rng) for some in fakes.split(max(1, len(self.images)))])

    def _exchange(self, fakes: Tensor, rng: torch.Generator) -> Tensor:
        free = min(len(fakes), len(self.images) - self.filled)
        self.images[self.filled : self.filled + free] = fakes[:free]
        self.filled += free
        fresh, offered = fakes[:free], fakes[free:]
        if len(offered) == 0 or len(self.images) == 0:
            return fakes
        place = torch.randperm(len(self.images), generator=rng, device=rng.device)[: len(offered)].to(fakes.device)
        chance = torch.rand(len(offered), generator=rng, device=rng.device).to(fakes.device)
        lent = (chance < 0.5)[:, None, None, None]
        kept = self.images[place]
        self.images[place] = torch.where(lent, offered.to(kept), kept)
        return torch.cat([fresh, torch.where(lent, kept.to(offered), offered)])

    def get_extra_state(self) -> dict[str, Any]:
        """Return how many images are in it, for the checkpoint."""
        return {"filled": self.filled}

    def set_extra_state(self, state: dict[str, Any]) -> None:
        """Take that from a checkpoint."""
        self.filled = state["filled"]
