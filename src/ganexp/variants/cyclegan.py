"""Unpaired translation between two domains by cycle consistency (arXiv 1703.10593)."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Unpack

from torch import Tensor, nn

from ganexp.augmentation.base import Augmentation
from ganexp.errors import UserError
from ganexp.game.batches import Batch
from ganexp.game.image_pool import ImagePool, exchange_fakes
from ganexp.game.loss_history import Terms
from ganexp.game.module import Player
from ganexp.penalties.base import Penalty
from ganexp.variants.critic import Critic
from ganexp.variants.objective import DiscriminatorObjective
from ganexp.variants.translation import (
    BACKWARD,
    CYCLES,
    FORWARD,
    TranslationSettings,
    TwoWayTranslation,
    l1_distance,
)

DOMAINS = {"a": "input", "b": "image"}


class CycleGAN(TwoWayTranslation):
    """Two generators, a2b and b2a, against two discriminators, one of each domain.

    ``generator`` and ``discriminator`` build a new network whenever they are called. The generators minimize
    ``adversarial`` times their adversarial losses, ``cycle`` times the L1 distance of every image from its
    reconstruction (eq. 2 and 3), and ``cycle * identity`` times its distance from its translation into its own domain
    (section 5.2). They take their turn first; the discriminators then see the same fakes, or past ones from a pool of
    ``pool`` images per domain (section 4).

    Images of the domain a have ``input_channels`` (None: ``channels``, those of b). If they differ, ``generator`` is
    called with `input_channels` and `channels`, ``discriminator`` with `channels`, and an image cannot be translated
    into its own domain, so ``identity`` must be 0.

    Raises UserError if it is not.
    """

    # Modules, so that their state is in the checkpoint.
    adversaries: Any
    pools: Any

    def __init__(
        self,
        generator: Callable[..., nn.Module],
        discriminator: Callable[..., nn.Module],
        channels: int,
        image_size: int | Sequence[int],
        adversarial: float = 1.0,
        cycle: float = 10.0,
        identity: float = 0.5,
        pool: int = 50,
        penalties: Mapping[str, Penalty | None] | None = None,
        constraint: Callable[[nn.Module], None] | None = None,
        augmentation: Augmentation | None = None,
        input_channels: int | None = None,
        **translation: Unpack[TranslationSettings],
    ) -> None:
        sides = {"a": channels if input_channels is None else input_channels, "b": channels}
        differ = sides["a"] != sides["b"]
        if differ and identity > 0:
            raise UserError(
                f"model.identity={identity}: images of {sides['a']} channels and of {channels} cannot be translated "
                "into their own domains: model.identity=0"
            )
        super().__init__(
            {
                direction: generator(input_channels=sides[direction[0]], channels=sides[direction[-1]])
                if differ
                else generator()
                for direction in self.directions
            },
            **translation,
        )
        self.discriminators = nn.ModuleDict(
            {domain: discriminator(channels=sides[domain]) if differ else discriminator() for domain in DOMAINS}
        )
        self.adversaries = nn.ModuleDict(
            {
                "a": DiscriminatorObjective(self.loss, penalties, augmentation, "a", suffix="_a"),
                "b": DiscriminatorObjective(self.loss, penalties, augmentation, "b"),
            }
        )
        self.pools = nn.ModuleDict({domain: ImagePool(pool, sides[domain], image_size) for domain in DOMAINS})
        self.constraint = constraint
        if differ:
            # Images cannot be translated into their own domains.
            self.shown = CYCLES
        self.adversarial = adversarial
        self.cycle = cycle
        self.identity = identity

    @property
    def discriminator(self) -> nn.Module:
        """The discriminator of the domain b."""
        return self.discriminators["b"]

    def players(self) -> list[Player]:
        """Return the generators, then the discriminators."""
        return [
            Player("generator", self.generators, self.generator_loss, average=self.average, judged_by=""),
            Player("discriminator", self.discriminators, self.discriminator_loss, constraint=self.constraint),
        ]

    def generator_loss(self, batch: Batch) -> Terms:
        """Return the adversarial, cycle consistency and identity losses of both generators."""
        a2b, b2a = self.generators[FORWARD], self.generators[BACKWARD]
        real_a, real_b = batch["input"], batch["image"]
        fake_a, fake_b = b2a(real_b), a2b(real_a)
        self.inputs.hand_over(f"fake a {self._part}", fake_a.detach())
        self.inputs.hand_over(f"fake b {self._part}", fake_b.detach())
        terms = {
            "adversarial_a2b": self.adversarial * self.adversarial_loss("b", real_b, fake_b),
            "adversarial_b2a": self.adversarial * self.adversarial_loss("a", real_a, fake_a),
            "cycle_a": self.cycle * l1_distance(b2a(fake_b), real_a),
            "cycle_b": self.cycle * l1_distance(a2b(fake_a), real_b),
        }
        if self.identity > 0:
            terms["identity_a"] = self.cycle * self.identity * l1_distance(b2a(real_a), real_a)
            terms["identity_b"] = self.cycle * self.identity * l1_distance(a2b(real_b), real_b)
        return terms

    def adversarial_loss(self, domain: str, real: Tensor, fake: Tensor) -> Tensor:
        """Return the generator's adversarial loss against the discriminator of a domain, a scalar (eq. 1)."""
        objective, critic = self.adversaries[domain], Critic(self.discriminators[domain])
        loss: Tensor = objective.generator(self, critic, real, fake)["adversarial"]
        return loss

    def discriminator_loss(self, batch: Batch) -> Terms:
        """Return the terms of both discriminators' losses (eq. 1) on fakes from their pools."""
        if self._part == 0:
            for domain, pool in self.pools.items():
                exchange_fakes(self, domain, pool)
        terms: Terms = {}
        for domain, side in DOMAINS.items():
            objective, critic = self.adversaries[domain], Critic(self.discriminators[domain])
            fake = self.inputs.take(f"exchanged {domain} {self._part}")
            domain_terms = objective.discriminator(self, critic, batch[side], fake)
            terms |= {f"{name}_{domain}": term for name, term in domain_terms.items()}
        return terms

    def current_samples(self, n: int, batch: Batch) -> tuple[Tensor, Critic]:
        """Return the current generator's output for the batch's first ``n`` inputs, and the critic that judges it."""
        return self.infer(self.generators[FORWARD], batch["input"][:n]), Critic(self.discriminator)
