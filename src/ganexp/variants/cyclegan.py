"""Unpaired translation between two domains by cycle consistency (arXiv 1703.10593)."""

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from ganexp.augmentation.base import Augmentation
from ganexp.game import Batch, Player, Terms
from ganexp.penalties import Penalty
from ganexp.randomness import generator as rng
from ganexp.variants.adversary import Adversary, Critic
from ganexp.variants.image_pool import ImagePool
from ganexp.variants.translation import BACKWARD, FORWARD, Translation, distance, in_turn

DOMAINS = {"a": "input", "b": "image"}


class CycleGAN(Translation):
    """Two generators against two discriminators, which judge the images of one domain each.

    ``generator`` and ``discriminator`` build one network each time they are called. The generators minimize
    ``adversarial`` times their adversarial losses, ``cycle`` times the mean absolute difference of each image from
    its reconstruction (eq. 2 and 3), and ``identity`` as much of its difference from what the generator that makes
    such images makes of it (section 5.2). They move first; the discriminators then see the same fakes, or past ones
    from a pool of ``pool`` images of each domain (section 4).
    """

    # Modules, so that what they remember is in the checkpoint.
    adversaries: Any
    pools: Any
    directions = (FORWARD, BACKWARD)
    made = (FORWARD, BACKWARD, "a2b2a", "b2a2b")
    columns = 8

    def __init__(
        self,
        generator: Callable[[], nn.Module],
        discriminator: Callable[[], nn.Module],
        channels: int,
        image_size: int,
        adversarial: float = 1.0,
        cycle: float = 10.0,
        identity: float = 0.5,
        pool: int = 50,
        penalties: Mapping[str, Penalty | None] | None = None,
        constraint: Callable[[nn.Module], None] | None = None,
        augmentation: Augmentation | None = None,
        **translation: Any,
    ) -> None:
        super().__init__({direction: generator() for direction in self.directions}, **translation)
        self.discriminators = nn.ModuleDict({domain: discriminator() for domain in DOMAINS})
        self.adversaries = nn.ModuleDict(
            {domain: Adversary(self.loss, penalties, augmentation, domain) for domain in DOMAINS}
        )
        self.pools = nn.ModuleDict({domain: ImagePool(pool, channels, image_size) for domain in DOMAINS})
        self.constraint = constraint
        self.adversarial = adversarial
        self.cycle = cycle
        self.identity = identity
        self.fakes: dict[str, list[Tensor]] = {domain: [] for domain in DOMAINS}

    @property
    def discriminator(self) -> nn.Module:
        """The discriminator of the domain b."""
        return self.discriminators["b"]

    def players(self) -> list[Player]:
        """Return the generators, then the discriminators."""
        return [
            Player("generator", self.generators, self.generator_loss, average=self.average),
            Player("discriminator", self.discriminators, self.discriminator_loss, constraint=self.constraint),
        ]

    def generator_loss(self, batch: Batch) -> Terms:
        """Pass for real, come back to where one came from, and leave alone what is as it should be."""
        a2b, b2a = (self.generators[direction] for direction in self.directions)
        real_a, real_b = batch["input"], batch["image"]
        fake_a, fake_b = b2a(real_b), a2b(real_a)
        self.fakes["a"].append(fake_a.detach())
        self.fakes["b"].append(fake_b.detach())
        terms = {
            "adversarial_a2b": self.adversarial * self.passed_off("b", real_b, fake_b),
            "adversarial_b2a": self.adversarial * self.passed_off("a", real_a, fake_a),
            "cycle_a": self.cycle * distance(b2a(fake_b), real_a),
            "cycle_b": self.cycle * distance(a2b(fake_a), real_b),
        }
        if self.identity > 0:
            weight = self.cycle * self.identity
            terms["identity_a"] = weight * distance(b2a(real_a), real_a)
            terms["identity_b"] = weight * distance(a2b(real_b), real_b)
        return terms

    def passed_off(self, domain: str, real: Tensor, fake: Tensor) -> Tensor:
        """Return how far fakes of a domain are from passing for real, a scalar."""
        adversary, critic = self.adversaries[domain], self.discriminators[domain]
        (seen,) = adversary.seen(self, "generator fake", fake)
        return self.loss.generator(critic(seen), lambda: critic(*adversary.seen(self, "generator real", real)))

    def discriminator_loss(self, batch: Batch) -> Terms:
        """Tell real from fake, in each domain."""
        if self._part == 0:
            self.fakes = {domain: self.from_pool(domain, torch.cat(fakes)) for domain, fakes in self.fakes.items()}
        terms: Terms = {}
        for domain, side in DOMAINS.items():
            told = self.told_apart(domain, batch[side], self.fakes[domain].pop(0))
            terms |= {f"{name}_{domain}": term for name, term in told.items()}
        return terms

    def told_apart(self, domain: str, real: Tensor, fake: Tensor) -> Terms:
        """Return the terms of the discriminator of one domain."""
        adversary, critic = self.adversaries[domain], self.discriminators[domain]
        (real,) = adversary.seen(self, "discriminator real", real)
        (fake,) = adversary.seen(self, "discriminator fake", fake)
        terms, real_logits, fake_logits = adversary.told_apart(self, real, fake, critic, critic)
        suffix = "" if domain == "b" else f"_{domain}"
        self.watch(**{f"real{suffix}": real_logits, f"fake{suffix}": fake_logits})
        return terms

    def from_pool(self, domain: str, fakes: Tensor) -> list[Tensor]:
        """Return what the discriminator sees for this rank's fakes (N, C, H, W), in the parts of the batch.

        All ranks put all fakes into the same pool by the same draws, so that it means the same on any number of them.
        """
        gathered: Any = self.all_gather(fakes)
        everywhere = gathered.view(-1, *fakes.shape[1:])
        lent = self.pools[domain].exchange(everywhere, rng(self.seed, f"pool {domain}", self.batches_seen, self.device))
        mine = lent[self.global_rank * len(fakes) :][: len(fakes)]
        return list(mine.split(len(fakes) // self.accumulate))

    def translations(self, batch: Batch) -> dict[str, Tensor]:
        """Return the translated images by their direction, and the reconstructed ones as a2b2a and b2a2b."""
        fake_b, fake_a = self.translate(batch["input"], FORWARD), self.translate(batch["image"], BACKWARD)
        again_a, again_b = self.translate(fake_b, BACKWARD), self.translate(fake_a, FORWARD)
        return dict(zip(self.made, (fake_b, fake_a, again_a, again_b), strict=True))

    def grid(self, examples: Batch) -> Tensor:
        """Return input, output, reconstruction and identity of each example, from a to b and then from b to a.

        The identity is what the generator that makes images of a domain makes of one. (N * columns, C, H, W).
        """
        a, b, made = examples["input"], examples["image"], self.translations(examples)
        forth = a, made[FORWARD], made["a2b2a"], self.translate(a, BACKWARD)
        back = b, made[BACKWARD], made["b2a2b"], self.translate(b, FORWARD)
        return in_turn(*forth, *back)

    def latest(self, n: int, batch: Batch) -> tuple[Tensor, Critic]:
        """Return what the generators as they are now make of the batch's first ``n`` inputs, and its discriminator."""
        return self.made_by(self.generators[FORWARD], batch["input"][:n]), self.discriminator
