"""The adversarial objective of one discriminator: loss, penalties and augmentation."""

import copy
from collections.abc import Mapping
from functools import partial
from typing import Any, NamedTuple

from torch import Tensor, nn

from ganexp.augmentation.base import Augmentation, NoAugmentation
from ganexp.game.loss_history import Terms
from ganexp.game.module import AdversarialModule
from ganexp.losses import Loss
from ganexp.penalties import CriticTurn, Penalty
from ganexp.variants.critic import Critic


class Judged(NamedTuple):
    """Images as their critic saw them, and its logits."""

    critic: Critic
    images: Tensor  # (N, C, H, W), augmented
    logits: Tensor  # (N, …)
    terms: Terms  # further terms of both players' losses, such as the classification loss of ACGAN


class DiscriminatorObjective(nn.Module):
    """The loss, penalties and augmentation of one discriminator and of the generator that plays against it.

    Both see every image through the augmentation. Penalties and augmentations may have state, which is in the
    checkpoint, so every discriminator gets copies of its own. In a game with several discriminators ``domain`` keeps
    their random numbers apart and ``suffix`` the names of their logits.
    """

    penalties: Any

    def __init__(
        self,
        loss: Loss,
        penalties: Mapping[str, Penalty | None] | None = None,
        augmentation: Augmentation | None = None,
        domain: str = "",
        suffix: str = "",
    ) -> None:
        super().__init__()
        self.loss = loss
        self.penalties = nn.ModuleDict(
            {name: copy.deepcopy(penalty) for name, penalty in (penalties or {}).items() if penalty is not None}
        )
        self.augmentation = copy.deepcopy(augmentation or NoAugmentation())
        self.prefix = f"{domain} " if domain else ""
        self.suffix = suffix

    def discriminator(
        self, game: AdversarialModule, critic: Critic, real: Tensor, fake: Tensor, fake_critic: Critic | None = None
    ) -> Terms:
        """Return the discriminator's terms for real and fake images (N, C, H, W): its loss, then its penalties.

        ``fake_critic`` is for the fake images where they have a condition of their own, such as other labels.
        """
        due = self._due_penalties(game)
        real_gradient = any(penalty.differentiates("real", real) for penalty in due.values())
        fake_gradient = any(penalty.differentiates("fake", fake) for penalty in due.values())
        on_real = self._judge(game, "discriminator real", critic, real, real_gradient)
        on_fake = self._judge(game, "discriminator fake", fake_critic or critic, fake, fake_gradient)
        game.watch(**{f"real{self.suffix}": on_real.logits, f"fake{self.suffix}": on_fake.logits})
        self.augmentation.observe(on_real.logits, len(real) * game.trainer.world_size)
        return {
            "adversarial": self.loss.discriminator(on_real.logits, on_fake.logits),
            **self._penalties(game, due, on_real, on_fake),
            **{name: term + on_fake.terms[name] for name, term in on_real.terms.items()},
        }

    def generator(
        self, game: AdversarialModule, critic: Critic, real: Tensor, fake: Tensor, fake_critic: Critic | None = None
    ) -> Terms:
        """Return the generator's adversarial terms for fake images (N, C, H, W).

        Only relativistic losses also need the logits of the real images, which are computed when they ask.
        """
        on_fake = self._judge(game, "generator fake", fake_critic or critic, fake)
        adversarial = self.loss.generator(
            on_fake.logits, lambda: self._judge(game, "generator real", critic, real).logits
        )
        return {"adversarial": adversarial, **on_fake.terms}

    def augment(self, game: AdversarialModule, purpose: str, critic: Critic, images: Tensor) -> tuple[Critic, Tensor]:
        """Return the images (N, C, H, W) augmented, and the critic whose condition is augmented alike."""
        draw = partial(game.draw, f"{self.prefix}augmentation {purpose}")
        augment = partial(self.augmentation, draw=draw)
        return critic.augmented(augment), augment(images)

    def _judge(
        self, game: AdversarialModule, purpose: str, critic: Critic, images: Tensor, differentiable: bool = False
    ) -> Judged:
        critic, images = self.augment(game, purpose, critic, images)
        if differentiable:
            images = images.detach().requires_grad_()
        return Judged(critic, images, *critic.judge(images))

    def _due_penalties(self, game: AdversarialModule) -> dict[str, Penalty]:
        return {
            name: penalty
            for name, penalty in self.penalties.items()
            if game.inputs.decide(f"{self.prefix}{name} is due", partial(is_due, game, penalty))
        }

    def _penalties(
        self, game: AdversarialModule, due: Mapping[str, Penalty], on_real: Judged, on_fake: Judged
    ) -> Terms:
        terms = {}
        for name, penalty in due.items():
            turn = CriticTurn(
                critic=on_real.critic,
                fake_critic=on_fake.critic,
                real=on_real.images.detach(),
                fake=on_fake.images.detach(),
                real_logits=on_real.logits,
                fake_logits=on_fake.logits,
                draw=partial(game.draw, f"{self.prefix}penalty {name}"),
                read_progress=game.progress,
                judged_real=on_real.images if on_real.images.requires_grad else None,
                judged_fake=on_fake.images if on_fake.images.requires_grad else None,
            )
            terms[name] = penalty.term(turn, self._scheduled_weight(game, name, penalty))
        return terms

    def _scheduled_weight(self, game: AdversarialModule, name: str, penalty: Penalty) -> float | Tensor | None:
        if penalty.schedule is None:
            return None
        return game.inputs.scalar(f"{self.prefix}weight of {name}", lambda: penalty.weight_at(game.progress()))


def is_due(game: AdversarialModule, penalty: Penalty) -> bool:
    """Return whether a lazy penalty is computed on this batch."""
    return game.batches_seen % penalty.every == 0
