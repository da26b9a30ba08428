"""A chain of conditional GANs over a Laplacian pyramid (arXiv 1506.05751)."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Required, Unpack

import torch
from torch import Tensor, nn

from ganexp.augmentation.base import Augmentation
from ganexp.ema import PartOfAverage
from ganexp.errors import UserError
from ganexp.game.batches import Batch
from ganexp.game.loss_history import Terms
from ganexp.game.module import Player
from ganexp.layers.resampling.laplacian import doubled, halved
from ganexp.losses import Loss
from ganexp.networks import lapgan
from ganexp.numerics.randomness import blocks
from ganexp.penalties.base import Penalty
from ganexp.variants.critic import Critic
from ganexp.variants.generation import Generation, GenerationSettings
from ganexp.variants.objective import DiscriminatorObjective
from ganexp.variants.samplers.base import ConditionalSampler, clamped, evaluated

ALL = "all"
KINDS = ("discriminator", "generator")


class LAPGANSettings(GenerationSettings, total=False):
    """The arguments of `LAPGAN` that its variants pass on."""

    discriminator: Required[lapgan.Discriminator]
    loss: Required[Loss]
    critic_steps: int
    stages: str | Sequence[int | str]
    penalties: Mapping[str, Penalty | None] | None
    constraint: Callable[[nn.Module], None] | None
    augmentation: Augmentation | None


class LAPGAN(Generation):
    """A generator and a discriminator for each level of a pyramid, which play in turn (section 3.1).

    At the coarsest level images are generated from noise. At each finer one the real image, made coarser and expanded
    again, is the condition under which the generator adds details; the discriminator tells the sum from the real image.
    So no level's training depends on another's: ``stages`` are the levels that are trained, ``all`` or a list of their
    sides, and the players are named by them, such as ``generator_8``. Samples pass through all levels.

    The optimizers, schedules, penalties and augmentation are those of each level's discriminator and generator, and a
    discriminator takes ``critic_steps`` turns for each one of its generator. Of the pyramid's noise the coarsest level
    has ``latent`` values. Raises UserError for stages that the pyramid does not have.
    """

    generator: lapgan.Generator
    adversaries: Any

    def __init__(
        self,
        discriminator: lapgan.Discriminator,
        loss: Loss,
        critic_steps: int = 1,
        stages: str | Sequence[int | str] = ALL,
        penalties: Mapping[str, Penalty | None] | None = None,
        constraint: Callable[[nn.Module], None] | None = None,
        augmentation: Augmentation | None = None,
        **generation: Unpack[GenerationSettings],
    ) -> None:
        levels = list(discriminator.levels)
        for setting in ("optimizers", "schedules"):
            generation[setting] = of_levels(generation[setting], levels)
        super().__init__(**generation | {"latent": generation["generator"].noise_size})  # type: ignore[arg-type]
        self.discriminator = discriminator
        self.loss = loss
        self.critic_steps = critic_steps
        self.constraint = constraint
        self.levels = levels
        self.trained = chosen_levels(stages, levels)
        self.adversaries = nn.ModuleDict(
            {
                level: DiscriminatorObjective(loss, penalties, augmentation, level, self.suffix(level))
                for level in self.trained
            }
        )

    def players(self) -> list[Player]:
        """Return the discriminator and the generator of each level that is trained, from the coarsest."""
        return [player for level in self.trained for player in self.pair(level)]

    def resting_players(self) -> list[Player]:
        """Return the discriminator and the generator of each level that is not trained."""
        return [player for level in self.levels if level not in self.trained for player in self.pair(level)]

    def pair(self, level: str) -> tuple[Player, Player]:
        """Return a level's discriminator and generator."""
        average = None
        if self.average is not None:
            average = PartOfAverage(self.average, f"levels.{level}", is_last=level == self.trained[-1])
        return (
            Player(
                f"discriminator_{level}",
                self.discriminator.levels[level],
                partial(self.discriminator_loss, level),
                constraint=self.constraint,
            ),
            Player(
                f"generator_{level}",
                self.generator.levels[level],
                partial(self.generator_loss, level),
                self.critic_steps,
                average,
                judged_by=self.suffix(level),
            ),
        )

    def suffix(self, level: str) -> str:
        """Return what follows the names of a level's logits; the finest has those of a game with one discriminator."""
        return "" if level == self.trained[-1] else f"_{level}"

    def discriminator_loss(self, level: str, batch: Batch) -> Terms:
        """Return the terms of a level's discriminator on real images and on fakes of fresh noise (eq. 2)."""
        with torch.no_grad():
            real, fake = self.real_and_fake("discriminator", level, batch)
        objective: DiscriminatorObjective = self.adversaries[level]
        return objective.discriminator(self, self.level_critic(level, batch), real, fake)

    def generator_loss(self, level: str, batch: Batch) -> Terms:
        """Return the terms of a level's generator on fakes of fresh noise."""
        real, fake = self.real_and_fake("generator", level, batch)
        objective: DiscriminatorObjective = self.adversaries[level]
        return objective.generator(self, self.level_critic(level, batch), real, fake)

    def real_and_fake(self, player: str, level: str, batch: Batch) -> tuple[Tensor, Tensor]:
        """Return a level's real images (N, C, h, w), and as many fakes that add details to their coarser versions."""
        number = self.levels.index(level)
        real = batch["image"]
        for _ in self.levels[number + 1 :]:
            real = halved(real)
        coarser = doubled(halved(real)) if number else None
        noise = self.draw_level_noise(f"{player}_{level}", number, len(real))
        fake: Tensor = self.generator.level(number, noise, coarser, *self.condition(batch))
        return real, fake

    def draw_level_noise(self, player: str, number: int, n: int) -> Tensor:
        """Draw fresh noise (n, …) of a level for a player's turn."""
        size = self.generator.noise_sizes[number]
        return self.draw(f"{player} noise", n, lambda total, rng: self.noise((total, size), rng))

    def condition(self, batch: Batch) -> tuple[Tensor, ...]:
        """Return what the networks are given beside images and noise: nothing."""
        return ()

    def level_critic(self, level: str, batch: Batch) -> Critic:
        """Return the critic of a level's images."""
        return Critic(self.discriminator.levels[level], *self.condition(batch))

    def current_samples(self, n: int, batch: Batch) -> tuple[Tensor, Critic]:
        """Return ``n`` samples (n, C, h, w) at the finest level that is trained, and that level's critic."""
        noise = self.sampler.current_noise(n, self.batches_seen)
        return self.finest_trained(noise), Critic(self.discriminator.levels[self.trained[-1]])

    def finest_trained(self, *inputs: Tensor) -> Tensor:
        """Return images (N, C, h, w) at the finest trained level, not averaged, of noise and labels if any."""
        stages = evaluated(self.generator, self.generator.stages, *inputs)
        images: Tensor = stages[self.levels.index(self.trained[-1])].float()
        return images

    def sample_stages(self, n: int, seed: int) -> list[Tensor]:
        """Return the images (n, C, h, w) that samples 0 to n - 1 are at each level, from the coarsest."""
        network: Any = self.sampler.network
        drawn = [evaluated(network, network.stages, *self.sampler.numbered_inputs(block, seed)) for block in blocks(n)]
        return [clamped(torch.cat(parts).float()) for parts in zip(*drawn, strict=True)]


class ConditionalLAPGAN(LAPGAN):
    """A LAPGAN whose networks also take labels (N,) in [0, num_classes) (section 3.2).

    As a fake image adds details to a real one, it has that image's label, at the coarsest level too.
    """

    def __init__(self, num_classes: int, **game: Unpack[LAPGANSettings]) -> None:
        super().__init__(**game)
        self.num_classes = num_classes
        self.sampler: ConditionalSampler = ConditionalSampler(num_classes, **self.sampler_settings())
        self.columns = self.sampler.columns

    def condition(self, batch: Batch) -> tuple[Tensor, ...]:
        """Return the labels (N,) of the real images."""
        return (batch["label"],)

    def critic(self, label: Tensor) -> Critic:
        """Return the critic of images with these labels (N,), at all levels."""
        return Critic(self.discriminator, label)

    def current_samples(self, n: int, batch: Batch) -> tuple[Tensor, Critic]:
        """Return samples and their critic as a `LAPGAN` does, every label in turn."""
        noise, labels = self.sampler.current_noise(n, self.batches_seen), self.sampler.current_labels(n)
        return self.finest_trained(noise, labels), Critic(self.discriminator.levels[self.trained[-1]], labels)


def of_levels(parts: Mapping[str, Any], levels: Sequence[str]) -> dict[str, Any]:
    """Return the parts of a discriminator and a generator for those of every level, such as ``generator_8``."""
    return {f"{kind}_{level}": parts[kind] for level in levels for kind in KINDS if kind in parts}


def chosen_levels(stages: str | Sequence[int | str], levels: Sequence[str]) -> list[str]:
    """Return the levels to train, from the coarsest; raises UserError for others than the pyramid's."""
    if stages == ALL:
        return list(levels)
    names = [stages] if isinstance(stages, str) else [str(stage) for stage in stages]
    wrong = [name for name in names if name not in levels]
    if wrong or not names:
        raise UserError(
            f"model.stages={stages}: this pyramid has the stages {', '.join(levels)}; give {ALL}, or a list of some, "
            f"such as model.stages=[{levels[0]}]"
        )
    return [level for level in levels if level in names]
