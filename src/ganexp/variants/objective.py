"""The adversarial objective of one discriminator: loss, penalties and augmentation."""

import copy
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from ganexp.augmentation.base import Augmentation, NoAugmentation
from ganexp.game.loss_history import Terms
from ganexp.game.module import AdversarialModule
from ganexp.losses import Loss, ScheduledLoss
from ganexp.penalties.base import CriticTurn, GeneratorTurn, Penalty
from ganexp.variants.critic import Augment, Critic
from ganexp.variants.fake_source import FakeSource


class Judged(NamedTuple):
    """Images as their critic saw them, and its logits."""

    critic: Critic
    images: Tensor  # (N, C, H, W), augmented
    logits: Tensor  # (N, …)
    terms: Terms  # further terms of both players' losses, such as the classification loss of ACGAN
    originals: Tensor  # (N, C, H, W), before augmentation
    augment: Augment

    def judge_originals(self, images: Tensor) -> Tensor:
        """Return the logits (N, …) of images (N, C, H, W) that are augmented like the originals."""
        return self.critic(self.augment(images))


class DiscriminatorObjective(nn.Module):
    """The loss, penalties and augmentation of one discriminator and of the generator that plays against it.

    Both see every image through the augmentation. Penalties take gradients at the augmented images, or through the
    augmentation at the images themselves if they say so. Penalties and augmentations may have state, which is in the
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
        self,
        game: AdversarialModule,
        critic: Critic,
        real: Tensor,
        fake: Tensor,
        fake_critic: Critic | None = None,
        source: FakeSource | None = None,
        lazy: bool = True,
    ) -> Terms:
        """Return the discriminator's terms for real and fake images (N, C, H, W): its loss, then its penalties.

        ``fake_critic`` is for the fake images where they have a condition of their own, such as other labels.
        ``source`` makes further fakes where they are made from noise. Without ``lazy`` the penalties that are not
        computed on every batch are left out.
        """
        self._follow_schedules(game)
        real = self._with_pseudo_labels(game, real, fake, source)
        due = self._due_penalties(game, lambda penalty: lazy or penalty.every == 1)
        on_real, on_fake = self._judge_both(game, "discriminator", critic, fake_critic or critic, real, fake, due)
        game.watch(**{f"real{self.suffix}": on_real.logits, f"fake{self.suffix}": on_fake.logits})
        terms = {
            "adversarial": self.loss.discriminator(on_real.logits, on_fake.logits),
            **self._penalties(game, due, on_real, on_fake, source),
            **summed(on_real.terms, on_fake.terms),
        }
        # Last, as penalties may augment the images once more, in the same way.
        self.augmentation.observe(on_real.logits, len(real) * game.trainer.world_size, game.accumulate)
        return terms

    def lazy_penalties(self, game: AdversarialModule, critic: Critic, real: Tensor, fake: Tensor) -> Terms:
        """Return the penalties that are due and not computed on every batch, for real and fake images (N, C, H, W)."""
        self._follow_schedules(game)
        due = self._due_penalties(game, lambda penalty: penalty.every > 1)
        on_real, on_fake = self._judge_both(game, "regularization", critic, critic, real, fake, due)
        return self._penalties(game, due, on_real, on_fake, None)

    def has_lazy_penalty_due(self, game: AdversarialModule) -> bool:
        """Return whether a penalty is computed on this batch that is not computed on every one."""
        return any(penalty.every > 1 and is_due(game, penalty) for penalty in self.penalties.values())

    def generator(
        self,
        game: AdversarialModule,
        critic: Critic,
        real: Tensor,
        fake: Tensor,
        fake_critic: Critic | None = None,
        source: FakeSource | None = None,
    ) -> Terms:
        """Return the generator's adversarial terms for fake images (N, C, H, W), then those of penalties.

        Only relativistic losses also need the logits of the real images, which are computed when they ask.
        """
        self._follow_schedules(game)
        on_fake = self._judge(game, "generator fake", fake_critic or critic, fake)
        adversarial = self.loss.generator(
            on_fake.logits, lambda: self._judge(game, "generator real", critic, real).logits
        )
        return {"adversarial": adversarial, **on_fake.terms, **self._generator_penalties(game, fake, source)}

    def exchanged(
        self, game: AdversarialModule, critic: Critic, real: Tensor, fake: Tensor, fake_critic: Critic
    ) -> Terms:
        """Return the discriminator's loss with real and fake images (N, C, H, W) exchanged.

        Whoever makes both the images and their conditions minimizes it against the discriminator.
        """
        self._follow_schedules(game)
        on_real = self._judge(game, "generator real", critic, real)
        on_fake = self._judge(game, "generator fake", fake_critic, fake)
        return {
            "adversarial": self.loss.discriminator(on_fake.logits, on_real.logits),
            **summed(on_real.terms, on_fake.terms),
        }

    def _with_pseudo_labels(
        self, game: AdversarialModule, real: Tensor, fake: Tensor, source: FakeSource | None
    ) -> Tensor:
        """Return the images that the discriminator is to take for real."""

        def pseudo_real() -> Tensor:
            return fake.detach() if source is None else source.with_real_conditions()

        return self.augmentation.with_pseudo_labels(
            real, pseudo_real, partial(game.draw, f"{self.prefix}augmentation pseudo labels")
        )

    def _judge_both(
        self,
        game: AdversarialModule,
        purpose: str,
        critic: Critic,
        fake_critic: Critic,
        real: Tensor,
        fake: Tensor,
        due: Mapping[str, Penalty],
    ) -> tuple[Judged, Judged]:
        """Augment and judge real and fake images, letting them require gradients where penalties differentiate."""
        real_penalties = [penalty for penalty in due.values() if penalty.differentiates("real", real)]
        fake_penalties = [penalty for penalty in due.values() if penalty.differentiates("fake", fake)]
        return (
            self._judge(game, f"{purpose} real", critic, real, real_penalties),
            self._judge(game, f"{purpose} fake", fake_critic, fake, fake_penalties),
        )

    def _judge(
        self, game: AdversarialModule, purpose: str, critic: Critic, images: Tensor, penalties: Sequence[Penalty] = ()
    ) -> Judged:
        """Augment and judge images, letting them require gradients where ``penalties`` differentiate."""
        augment = partial(self.augmentation, draw=partial(game.draw, f"{self.prefix}augmentation {purpose}"))
        through = any(penalty.through_augmentation for penalty in penalties)
        if through:
            images = images.detach().requires_grad_()
        augmented = augment(images)
        if penalties and not through:
            augmented = augmented.detach().requires_grad_()
        critic = critic.augmented(augment)
        return Judged(critic, augmented, *critic.judge(augmented), images, augment)

    def _follow_schedules(self, game: AdversarialModule) -> None:
        def scalar(name: str, value: Callable[[float], float]) -> float | Tensor:
            return game.inputs.scalar(f"{self.prefix}{name}", lambda: value(game.progress()))

        self.augmentation.follow(scalar)
        if isinstance(self.loss, ScheduledLoss):
            self.loss.follow(scalar)

    def _due_penalties(self, game: AdversarialModule, chosen: Callable[[Penalty], bool]) -> dict[str, Penalty]:
        return {
            name: penalty
            for name, penalty in self.penalties.items()
            if chosen(penalty) and game.inputs.decide(f"{self.prefix}{name} is due", partial(is_due, game, penalty))
        }

    def _penalties(
        self,
        game: AdversarialModule,
        due: Mapping[str, Penalty],
        on_real: Judged,
        on_fake: Judged,
        source: FakeSource | None,
    ) -> Terms:
        terms = {}

        @torch.no_grad()
        def regenerate(change: Callable[[Tensor], Tensor]) -> Tensor:
            assert source is not None
            return on_fake.augment(source.regenerate(change))

        for name, penalty in due.items():
            through = penalty.through_augmentation
            real, fake = (on.originals if through else on.images for on in (on_real, on_fake))
            turn = CriticTurn(
                critic=on_real.judge_originals if through else on_real.critic,
                fake_critic=on_fake.judge_originals if through else on_fake.critic,
                real=real.detach(),
                fake=fake.detach(),
                real_logits=on_real.logits,
                fake_logits=on_fake.logits,
                draw=partial(game.draw, f"{self.prefix}penalty {name}"),
                read_progress=game.progress,
                judged_real=real if real.requires_grad else None,
                judged_fake=fake if fake.requires_grad else None,
                regenerate=None if source is None else regenerate,
                parts=game.accumulate,
            )
            terms[name] = penalty.term(turn, self._factor(game, name, penalty))
        return terms

    def _generator_penalties(self, game: AdversarialModule, fake: Tensor, source: FakeSource | None) -> Terms:
        terms = {}
        for name, penalty in self.penalties.items():
            if not penalty.affects_generator:
                continue
            draw = partial(game.draw, f"{self.prefix}penalty {name} of the generator")
            turn = GeneratorTurn(fake, draw, None if source is None else source.regenerate)
            terms[name] = self._factor(game, name, penalty) * penalty.generator_value(turn)
        return terms

    def _factor(self, game: AdversarialModule, name: str, penalty: Penalty) -> float | Tensor:
        """Return the schedule's factor on a penalty's weight."""
        schedule = penalty.schedule
        if schedule is None:
            return 1.0
        return game.inputs.scalar(f"{self.prefix}factor of {name}", lambda: schedule(game.progress()))


def is_due(game: AdversarialModule, penalty: Penalty) -> bool:
    """Return whether a lazy penalty is computed on this batch."""
    return game.batches_seen % penalty.every == 0


def summed(one: Mapping[str, Tensor], other: Mapping[str, Tensor]) -> Terms:
    """Return the terms of both, those with the same name added up."""
    return {**other, **{name: term + other[name] if name in other else term for name, term in one.items()}}
