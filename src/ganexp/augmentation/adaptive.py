"""Adaptive discriminator augmentation (arXiv 2006.06676): as strong as the discriminator overfits."""

import torch
from torch import Tensor

from ganexp.augmentation.base import Augmentation, Draw, require_pictures
from ganexp.augmentation.transformations import Numbers, random_colours, random_geometry, recoloured, resampled
from ganexp.distributed import collectives
from ganexp.errors import UserError
from ganexp.gradients import promote_to_float32

INTERVAL = 4


class AdaptiveAugmentation(Augmentation):
    """Flips, turns, scales, shifts and colours, each befalling each image with the probability ``p``.

    After every 4 batches p moves towards the point at which r_t, the mean sign of the logits of real images, is
    ``target`` (section 3.1), at a speed that takes ``images_to_full`` images from 0 to 1. p and what was observed
    since its last move are part of the state. Of the paper's transformations those of frequency bands, noise
    and cutout are left out, as they are of its final setting; images are resampled bilinearly, without its wavelet
    filter. Raises UserError unless p is in [0, 1], the target in [-1, 1] and ``images_to_full`` positive.
    """

    p: Tensor
    signs: Tensor
    images: Tensor
    batches: Tensor

    def __init__(self, p: float = 0.0, target: float = 0.6, images_to_full: int = 500_000) -> None:
        super().__init__()
        if not 0 <= p <= 1:
            raise UserError(f"augmentation.p={p}: it is a probability, in [0, 1]")
        if not -1 <= target <= 1:
            raise UserError(f"augmentation.target={target}: it is a mean of signs, in [-1, 1]")
        if images_to_full < 1:
            raise UserError(f"augmentation.images_to_full={images_to_full}: it must be positive")
        self.target = target
        self.images_to_full = images_to_full
        self.register_buffer("p", torch.tensor(float(p)))
        self.register_buffer("signs", torch.zeros(()))
        self.register_buffer("images", torch.zeros((), dtype=torch.long))
        self.register_buffer("batches", torch.zeros((), dtype=torch.long))

    def forward(self, images: Tensor, draw: Draw) -> Tensor:
        """Return the images (N, C, H, W), transformed; colours may leave [-1, 1].

        Raises UserError unless images are grey or RGB and of more than one pixel.
        """
        require_pictures(images)
        height, width = images.shape[2:]

        def matrices(total: int, rng: torch.Generator) -> Tensor:
            numbers = Numbers(total, rng)
            geometry = random_geometry(numbers, self.p, height, width)
            return torch.cat([geometry.flatten(1), random_colours(numbers, self.p).flatten(1)], dim=1)

        # In half precision a position would be off by pixels.
        with torch.autocast(images.device.type, enabled=False):
            geometry, colours = draw(len(images), matrices).split([9, 16], dim=1)
            images = promote_to_float32(images)
            return recoloured(resampled(images, geometry.unflatten(1, (3, 3))), colours.unflatten(1, (4, 4)))

    @torch.no_grad()
    def observe(self, real_logits: Tensor, images: int) -> None:
        """Move p, if it is time, by the discriminator's logits of a global batch of so many real images."""
        self.signs += collectives.mean(real_logits.sign().float().mean())
        self.images += images
        self.batches += 1
        # Written without a branch on the device's numbers, for which the processor would have to wait.
        due = self.batches == INTERVAL
        step = (self.signs / INTERVAL - self.target).sign() * self.images / self.images_to_full
        self.p.copy_(torch.where(due, self.p + step, self.p).clamp(0, 1))
        for observed in (self.signs, self.images, self.batches):
            observed.mul_(~due)
