"""Self-supervised GANs: the discriminator also recognizes how an image was rotated (arXiv 1811.11212)."""

from collections.abc import Callable
from typing import Any, Unpack

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from ganexp.game.loss_history import Terms
from ganexp.numerics.gradients import promote_to_float32
from ganexp.variants.critic import Critic, HeadCritic
from ganexp.variants.gan import GAN, GANSettings

ROTATIONS = 4
"""By 0, 90, 180 and 270 degrees."""


class RotationCritic(HeadCritic):
    """A critic that also recognizes the rotations of the images that it judges, with a weight.

    Its network maps images (N, C, S, S) to logits (N,) of being real and logits (N, 4) of the rotations.
    """

    def __init__(self, network: Callable[..., Any], weight: float) -> None:
        super().__init__(network)
        self.weight = weight

    def judge(self, images: Tensor) -> tuple[Tensor, Terms]:
        """Return the logits (N,) of images being real, and the weighted loss of the rotations of a quarter of them."""
        # Every fourth: where each rank's number of images is a multiple of 4, the ranks together rotate those that a
        # single process does.
        rotated, rotation = all_rotations(images[::ROTATIONS])
        recognized = self.network(rotated)[1]
        return self(images), {"rotation": self.weight * cross_entropy(promote_to_float32(recognized), rotation)}


class RotationGAN(GAN):
    """A GAN whose players also minimize the cross-entropy of rotations (arXiv 1811.11212, eq. 4 and 5).

    The discriminator learns to recognize rotations of real images alone, with ``real_rotation``, the paper's beta; the
    generator learns to make images whose rotations it recognizes, with ``fake_rotation``, the paper's alpha. A quarter
    of the batch is rotated, in all four ways. Images are square. Raises ValueError for weights below 0.
    """

    head = ("rotation_logits", "logits of rotations by 0, 90, 180 and 270 degrees")
    """The name of what the discriminator returns beside its logits, and what it is."""

    def __init__(self, real_rotation: float = 1.0, fake_rotation: float = 0.2, **gan: Unpack[GANSettings]) -> None:
        super().__init__(**gan)
        if not (real_rotation >= 0 and fake_rotation >= 0):
            raise ValueError(f"real_rotation={real_rotation} and fake_rotation={fake_rotation} must be at least 0")
        self.real_rotation = real_rotation
        self.fake_rotation = fake_rotation

    def real_critic(self) -> Critic:
        """Return the critic that also recognizes the rotations of real images."""
        return RotationCritic(self.discriminator, self.real_rotation)

    def fake_critic(self, player: str, noise: Tensor) -> Critic:
        """Return the critic of fakes, whose rotations count in the generator's turn only."""
        if player == "generator":
            return RotationCritic(self.discriminator, self.fake_rotation)
        return HeadCritic(self.discriminator)


def all_rotations(images: Tensor) -> tuple[Tensor, Tensor]:
    """Return images (4N, C, S, S), rotated by 0, 90, 180 and 270 degrees in turn, and their rotations (4N,)."""
    rotated = torch.cat([images.rot90(turns, (2, 3)) for turns in range(ROTATIONS)])
    return rotated, torch.arange(ROTATIONS, device=images.device).repeat_interleave(len(images))
