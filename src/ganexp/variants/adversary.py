"""What trains a discriminator: its loss, its penalties, and the augmentation through which it sees."""

import copy
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from torch import Tensor, nn

from ganexp.augmentation.base import Augmentation, NoAugmentation
from ganexp.game.module import AdversarialModule, Terms
from ganexp.losses import Loss
from ganexp.penalties import CriticTurn, Penalty

Critic = Callable[[Tensor], Tensor]


class Adversary(nn.Module):
    """The loss, the penalties and the augmentation of one discriminator.

    Penalties and augmentations remember what they saw, so that each discriminator has copies of its own; they
    are in the checkpoint. ``name`` keeps apart what is drawn for the discriminators of one game.
    """

    penalties: Any

    def __init__(
        self,
        loss: Loss,
        penalties: Mapping[str, Penalty | None] | None = None,
        augmentation: Augmentation | None = None,
        name: str = "",
    ) -> None:
        super().__init__()
        self.loss = loss
        self.penalties = nn.ModuleDict(
            {key: copy.deepcopy(each) for key, each in (penalties or {}).items() if each is not None}
        )
        self.augmentation = copy.deepcopy(augmentation or NoAugmentation())
        self.prefix = f"{name} " if name else ""

    def seen(self, game: AdversarialModule, purpose: str, *images: Tensor) -> tuple[Tensor, ...]:
        """Return images (N, C, H, W) as the discriminator sees them; those of one number are distorted alike."""
        draw = partial(game.draw, f"{self.prefix}augmentation {purpose}")
        return tuple(self.augmentation(each, draw) for each in images)

    def told_apart(
        self, game: AdversarialModule, real: Tensor, fake: Tensor, critic: Critic, fake_critic: Critic
    ) -> tuple[Terms, Tensor, Tensor]:
        """Return the discriminator's terms and its logits of real and of fake images, both as it sees them.

        The critics answer for real and for fake images, with what comes with them already bound.
        """
        logits = critic(real), fake_critic(fake)
        return self.terms(game, real, fake, critic, fake_critic, *logits), *logits

    def terms(
        self,
        game: AdversarialModule,
        real: Tensor,
        fake: Tensor,
        critic: Critic,
        fake_critic: Critic,
        real_logits: Tensor,
        fake_logits: Tensor,
    ) -> Terms:
        """Return the loss and the penalties for what the critics answered to the images as they see them."""
        self.augmentation.observe(real_logits, len(real) * game.trainer.world_size)
        terms = {"adversarial": self.loss.discriminator(real_logits, fake_logits)}
        for key, penalty in self.penalties.items():
            if game.batches_seen % penalty.every == 0:
                draw = partial(game.draw, f"{self.prefix}penalty {key}")
                images = real.detach(), fake.detach()
                turn = CriticTurn(critic, fake_critic, *images, real_logits, fake_logits, draw, game.progress())
                terms[key] = penalty.term(turn)
        return terms
