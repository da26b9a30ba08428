"""Image generation from noise: the base of its games."""

from collections.abc import Callable, Sequence
from typing import Any, Required, Unpack

import torch
from torch import Tensor, nn

from ganexp.ema import ExponentialMovingAverage
from ganexp.game.batches import Batch
from ganexp.game.module import AdversarialModule, GameSettings
from ganexp.noise import Noise
from ganexp.partials import plain
from ganexp.variants.samplers.base import Sampler, SamplerSettings


class GenerationSettings(GameSettings, total=False):
    """The arguments of `Generation` that its variants pass on."""

    generator: Required[nn.Module]
    noise: Required[Noise]
    latent: Required[int]
    ema: Callable[[nn.Module], ExponentialMovingAverage] | None
    scored_samples: int
    standing_statistics: bool


class Generation(AdversarialModule):
    """A game whose generator maps noise (N, latent) to images (N, C, H, W) in [-1, 1].

    Samples are drawn by the generator's moving average ``ema``, or by the generator itself without it;
    ``scored_samples`` of them are scored in each validation. With ``standing_statistics`` they have batch norm's
    standing statistics.
    """

    columns = 8
    """The number of samples in a row of a grid."""

    def __init__(
        self,
        generator: nn.Module,
        noise: Noise,
        latent: int,
        ema: Callable[[nn.Module], ExponentialMovingAverage] | None = None,
        scored_samples: int = 0,
        standing_statistics: bool = False,
        **game: Unpack[GameSettings],
    ) -> None:
        super().__init__(**game)
        self.generator = generator
        self.noise = plain(noise)
        self.latent = latent
        self.average = ema(generator) if ema is not None else None
        self.scored_samples = scored_samples
        self.standing_statistics = standing_statistics
        self.sampler = Sampler(**self.sampler_settings())

    def sampler_settings(self) -> SamplerSettings:
        """Return the arguments of this game's sampler, of which a variant makes another kind."""
        return {
            "generator": self.generator,
            "average": self.average,
            "noise": self.noise,
            "latent": self.latent,
            "seed": self.seed,
            "standing_statistics": self.standing_statistics,
        }

    def draw_noise(self, player: str, n: int) -> Tensor:
        """Draw fresh noise (n, latent) for a player's turn."""
        return self.draw(f"{player} noise", n, lambda total, rng: self.noise((total, self.latent), rng))

    def validation_step(self, batch: Batch, batch_idx: int) -> Tensor:
        """Return the samples with the batch's numbers, in float32 whatever the precision of training."""
        with torch.autocast(self.device.type, enabled=False):
            return self.sampler.numbered(batch["number"], self.seed)

    def sample(self, n: int, seed: int, labels: Sequence[int] | None = None) -> Tensor:
        """Return ``n`` samples (n, C, H, W) in [-1, 1]; raises ValueError as the sampler does."""
        return self.sampler.sample(n, seed, labels)

    def describe_samples(self, seed: int) -> dict[str, Any]:
        """Return how samples are drawn, for the protocol of a score."""
        return self.sampler.describe(seed)
