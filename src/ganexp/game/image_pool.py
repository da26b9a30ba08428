"""Image buffer: a pool of past fakes that the discriminator sees again (arXiv 1612.07828, section 2.3; 1703.10593)."""

from collections.abc import Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from ganexp.files.saved_values import entry, require_count, require_dict, unexpected
from ganexp.game.module import AdversarialModule
from ganexp.image_size import ImageSize


class ImagePool(nn.Module):
    """Stores up to ``size`` images of the shape (channels, height, width), which are its state.

    Raises ValueError for a negative size; with 0 every image is passed through.
    """

    images: Tensor

    def __init__(self, size: int, channels: int, image_size: int | Sequence[int]) -> None:
        super().__init__()
        if size < 0:
            raise ValueError(f"pool={size}: it must be 0 or more images")
        self.register_buffer("images", torch.zeros(size, channels, *ImageSize.of(image_size)))
        self.filled = 0

    @torch.no_grad()
    def exchange(self, fakes: Tensor, rng: torch.Generator) -> Tensor:
        """Return every image (N, C, H, W) itself or, once the pool is full, with probability 1/2 a stored one instead.

        The image then takes the place of the stored one.
        """
        return torch.cat([self._exchange(chunk, rng) for chunk in fakes.split(max(1, len(self.images)))])

    def _exchange(self, fakes: Tensor, rng: torch.Generator) -> Tensor:
        free = min(len(fakes), len(self.images) - self.filled)
        self.images[self.filled : self.filled + free] = fakes[:free]
        self.filled += free
        fresh, offered = fakes[:free], fakes[free:]
        if len(offered) == 0 or len(self.images) == 0:
            return fakes
        slots = torch.randperm(len(self.images), generator=rng, device=rng.device)[: len(offered)].to(fakes.device)
        chance = torch.rand(len(offered), generator=rng, device=rng.device).to(fakes.device)
        swapped = (chance < 0.5)[:, None, None, None]
        stored = self.images[slots]
        self.images[slots] = torch.where(swapped, offered.to(stored), stored)
        return torch.cat([fresh, torch.where(swapped, stored.to(offered), offered)])

    def get_extra_state(self) -> dict[str, Any]:
        """Return the number of images stored, for the checkpoint."""
        return {"filled": self.filled}

    def set_extra_state(self, state: dict[str, Any]) -> None:
        """Restore the number of images from a checkpoint; raises NotACheckpoint unless the pool has room for them."""
        filled = require_count(entry(require_dict(state, "pool"), "filled"), "pool.filled")
        if filled > len(self.images):
            raise unexpected("pool.filled", filled, f"at most the pool's {len(self.images)} images")
        self.filled = filled


def exchange_fakes(game: AdversarialModule, domain: str, pool: ImagePool) -> None:
    """Exchange this rank's fakes ``fake {domain} {part}`` of the whole batch with those in the pool.

    All ranks put all fakes into the same pool with the same random numbers, so that the number of ranks does not
    matter. The result is handed over as ``exchanged {domain} {part}``.
    """
    fakes = torch.cat([game.inputs.take(f"fake {domain} {part}") for part in range(game.accumulate)])
    gathered: Any = game.all_gather(fakes)
    # What is stored and what is exchanged depends on how full the pool is.
    game.inputs.decide(f"pool {domain}", partial(getattr, pool, "filled"))
    rng = game.inputs.generator(f"pool {domain}")
    exchanged = pool.exchange(gathered.view(-1, *fakes.shape[1:]), rng)
    own = exchanged[game.global_rank * len(fakes) :][: len(fakes)]
    for part, images in enumerate(own.split(len(fakes) // game.accumulate)):
        game.inputs.hand_over(f"exchanged {domain} {part}", images)
