"""Sampling from a trained generator: numbered noise, labels, truncation and standing statistics."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Required, TypedDict, Unpack

import torch
from torch import Tensor, nn

from ganexp.ema import ExponentialMovingAverage
from ganexp.layers.evaluation_mode import eval_mode
from ganexp.layers.standing_statistics import batch_norms, with_standing_statistics
from ganexp.noise import Noise, numbered, truncated
from ganexp.numerics.randomness import BLOCK, blocks
from ganexp.numerics.randomness import generator as rng

STANDING_BATCHES = 100  # of BLOCK samples each; the number of passes is that of arXiv 1809.11096


class SamplerSettings(TypedDict, total=False):
    """The arguments of every sampler; see `Sampler`."""

    generator: Required[nn.Module]
    average: Required[ExponentialMovingAverage | None]
    noise: Required[Noise]
    latent: Required[int]
    seed: Required[int]
    standing_statistics: bool


class Sampler:
    """Draws images (n, C, H, W) in [-1, 1] from a generator of noise (N, latent), or from its moving average.

    What a generator without tanh has beyond is clamped, except in `generate` and `current`, which a critic may judge.

    Sample number k depends on k and the seed alone: noise is drawn in blocks of 64 numbers. Networks run in evaluation
    mode, and nothing here changes them. With ``standing_statistics`` samples have batch norm's statistics of the
    weights that draw them, as a function of the game's seed (arXiv 1809.11096, appendix C), instead of running ones.
    """

    def __init__(
        self,
        generator: nn.Module,
        average: ExponentialMovingAverage | None,
        noise: Noise,
        latent: int,
        seed: int,
        standing_statistics: bool = False,
    ) -> None:
        self.generator = generator
        self.average = average if average is not None and average.averages else None
        self.noise = noise
        self.training_noise = noise
        self.latent = latent
        self.seed = seed
        self.standing_statistics = standing_statistics
        self.truncation: float | None = None
        self._standing: nn.Module | None = None
        self._standing_of: list[tuple[int, torch.device]] | None = None

    @property
    def network(self) -> nn.Module:
        """The network that draws samples: the moving average of the generator where there is one."""
        return self._with_standing_statistics() if self.has_standing_statistics else self.weights

    @property
    def has_standing_statistics(self) -> bool:
        """Whether samples have standing statistics: they are asked for, and there is a batch norm."""
        return self.standing_statistics and bool(batch_norms(self.weights))

    @property
    def weights(self) -> nn.Module:
        """The network whose weights samples have, with its running statistics."""
        return self.generator if self.average is None else self.average.network

    def sample(self, n: int, seed: int, labels: Sequence[int] | None = None) -> Tensor:
        """Return samples 0 to n - 1 (n, C, H, W); raises ValueError if labels are given."""
        if labels is not None:
            raise ValueError("labels: this model was trained without labels; leave them out")
        return torch.cat([self.numbered(block, seed) for block in blocks(n)])

    def numbered(self, numbers: Tensor, seed: int) -> Tensor:
        """Return the samples with these numbers (B,), which are one of the ``blocks``."""
        return clamped(self.drawn(numbers, seed, *self.numbered_inputs(numbers, seed)))

    def drawn(self, numbers: Tensor, seed: int, *inputs: Tensor) -> Tensor:
        """Return the images of samples with these numbers (B,), given their noise and possibly labels."""
        return self.generate(*inputs)

    def numbered_inputs(self, numbers: Tensor, seed: int) -> tuple[Tensor, ...]:
        """Return what the generator is given for the samples with these numbers, one of the ``blocks``: noise."""
        return (self.numbered_noise(numbers, seed),)

    def numbered_noise(self, numbers: Tensor, seed: int) -> Tensor:
        """Return the noise (B, latent) of the samples with these numbers, which are one of the ``blocks``."""
        return numbered(self.noise, self.latent, numbers, seed)

    def current(self, n: int, batches_seen: int) -> Tensor:
        """Return ``n`` samples of the current generator, not of its average, with noise of this batch number."""
        return self.generate(self.current_noise(n, batches_seen), network=self.generator)

    def current_noise(self, n: int, batches_seen: int) -> Tensor:
        """Return the noise (n, latent) of the ``current`` samples."""
        return self.noise((n, self.latent), rng(self.seed, "latest", batches_seen))

    def truncate(self, threshold: float) -> None:
        """From now on draw noise from the normal distribution cut off at +-threshold.

        Where the generator has batch norm, its statistics are first recomputed from untruncated noise, as a function of
        the game's seed (arXiv 1809.11096, section 3.1 and appendix C). Raises ValueError for a threshold that is not
        above 0 and for noise that is not normal.
        """
        self.noise, self.truncation = truncated(self.noise, threshold), threshold
        # Of untruncated noise: a batch norm behind the first layer would normalize a smaller variance away.
        self.standing_statistics = True
        if self.has_standing_statistics:
            self._with_standing_statistics()

    def standing_inputs(self) -> Iterator[tuple[Tensor, ...]]:
        """Yield batches of the generator's inputs as they are in training."""
        like = next(self.weights.parameters(), torch.empty(0))
        for number in range(STANDING_BATCHES):
            yield (self.training_noise((BLOCK, self.latent), rng(self.seed, "standing noise", number)).to(like),)

    def describe(self, seed: int) -> dict[str, Any]:
        """Return how samples are drawn, for the protocol of a score."""
        description = {
            "source": "generator",
            **describe_weights(self.average),
            "precision": str(next(self.weights.parameters()).dtype).removeprefix("torch."),
            "seed": seed,
        }
        if self.has_standing_statistics:
            description["batch_norm"] = "standing statistics"
        return description if self.truncation is None else {**description, "truncation": self.truncation}

    def _with_standing_statistics(self) -> nn.Module:
        """Return the network that draws samples with standing statistics of its present weights."""
        # Every change in place counts up a tensor's version.
        present = [(weight._version, weight.device) for weight in self.weights.parameters()]
        if self._standing is None or present != self._standing_of:
            self._standing = with_standing_statistics(self.weights, self.standing_inputs())
            self._standing_of = present
        return self._standing

    def generate(self, *inputs: Tensor, network: nn.Module | None = None) -> Tensor:
        """Return the images (N, C, H, W), float32, of noise (N, latent) and possibly labels (N,).

        ``network`` is used instead of the one that draws samples.
        """
        network = network or self.network
        images: Tensor = evaluated(network, network, *inputs).float()
        return images

    def device(self) -> torch.device:
        """Return the device of the network that draws samples."""
        return next(self.weights.parameters(), torch.empty(0)).device


@torch.no_grad()
def evaluated(network: nn.Module, compute: Callable[..., Any], *inputs: Tensor) -> Any:
    """Return what ``compute``, a network or a method of it, returns for inputs when the network is in evaluation."""
    # A user's network may have no parameters.
    like = next(network.parameters(), inputs[0])
    with eval_mode(network):
        return compute(*(x.to(like.device, like.dtype if x.is_floating_point() else None) for x in inputs))


def describe_weights(average: ExponentialMovingAverage | None) -> dict[str, str]:
    """Return which weights and running statistics draw samples, for the protocol of a score."""
    if average is None or not average.averages:
        return {"weights": "generator", "batch_norm": "running statistics"}
    return {"weights": "moving average", "average": average.label, "batch_norm": average.statistics}


def clamped(images: Tensor) -> Tensor:
    """Return images clamped to [-1, 1]; infinite values stay, so that they are noticed."""
    return torch.where(images.isinf(), images, images.clamp(-1, 1))


class ConditionalSampler(Sampler):
    """Draws images of given classes from a generator that also takes labels (N,) in [0, num_classes)."""

    def __init__(self, num_classes: int, **sampler: Unpack[SamplerSettings]) -> None:
        super().__init__(**sampler)
        self.num_classes = num_classes
        self.columns = min(num_classes, 10)

    def sample(self, n: int, seed: int, labels: Sequence[int] | None = None) -> Tensor:
        """Return samples 0 to n - 1 (n, C, H, W) of the labels, which are repeated as often as necessary.

        Without labels these are the classes 0 to ``columns`` - 1. Raises ValueError naming labels outside of
        [0, num_classes).
        """
        classes = list(labels) if labels is not None else list(range(self.columns))
        wrong = [label for label in classes if not 0 <= label < self.num_classes]
        if wrong or not classes:
            raise ValueError(f"labels={wrong}: this model has the classes 0 to {self.num_classes - 1}")
        repeated = torch.tensor(classes).repeat(n)[:n]
        samples = [self.drawn(block, seed, self.numbered_noise(block, seed), repeated[block]) for block in blocks(n)]
        return clamped(torch.cat(samples))

    def numbered_inputs(self, numbers: Tensor, seed: int) -> tuple[Tensor, ...]:
        """Return the noise and the labels of the samples with these numbers: number k is of class k % num_classes."""
        return self.numbered_noise(numbers, seed), numbers.cpu() % self.num_classes

    def current(self, n: int, batches_seen: int) -> Tensor:
        """Return ``n`` samples of the current generator, not of its average, with the ``current_labels``."""
        return self.generate(self.current_noise(n, batches_seen), self.current_labels(n), network=self.generator)

    def current_labels(self, n: int) -> Tensor:
        """Return the labels (n,) of the ``current`` samples: every class in turn."""
        return (torch.arange(n) % self.num_classes).to(self.device())

    def standing_inputs(self) -> Iterator[tuple[Tensor, ...]]:
        """Yield batches of noise and of uniformly drawn labels."""
        for number, (noise,) in enumerate(super().standing_inputs()):
            labels = torch.randint(self.num_classes, (len(noise),), generator=rng(self.seed, "standing labels", number))
            yield noise, labels.to(noise.device)
