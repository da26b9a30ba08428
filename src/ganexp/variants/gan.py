"""The generative adversarial network of arXiv 1406.2661; DCGAN is this game with other networks."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from ganexp.augmentation.base import Augmentation
from ganexp.ema import ExponentialMovingAverage
from ganexp.game.module import AdversarialModule, Batch, Player, Terms
from ganexp.layers.standing_statistics import batch_norms, with_standing_statistics
from ganexp.losses import Loss
from ganexp.noise import Noise, numbered, truncated
from ganexp.numerics.randomness import BLOCK, blocks
from ganexp.numerics.randomness import generator as rng
from ganexp.partials import plain
from ganexp.penalties import Penalty
from ganexp.variants.adversary import Adversary, Critic

Regularization = Callable[[nn.Module], Tensor]

STANDING_BATCHES = 100  # of BLOCK samples each; the number of passes is that of arXiv 1809.11096


class GAN(AdversarialModule):
    """A generator from noise (N, latent) to images (N, C, H, W) in [-1, 1] against a discriminator.

    The discriminator takes ``critic_steps`` turns, each on fresh real images and fresh noise, for one of the
    generator. It sees real and fake images in separate batches, so that batch norm does not mix them. ``ema``
    makes a moving average of the generator, which draws the samples; without it the generator itself does.
    ``penalties`` are terms of the discriminator's loss by name, ``constraint`` acts on its weights after each of its
    moves. It sees real and fake images through ``augmentation``. ``regularizations`` are terms of the generator's loss
    by name, functions of its weights alone. A validation draws ``scored_samples`` samples.
    """

    columns = 8
    """How many samples a row of a grid has."""

    def __init__(
        self,
        generator: nn.Module,
        discriminator: nn.Module,
        loss: Loss,
        noise: Noise,
        latent: int,
        ema: Callable[[nn.Module], ExponentialMovingAverage] | None = None,
        critic_steps: int = 1,
        penalties: Mapping[str, Penalty | None] | None = None,
        constraint: Callable[[nn.Module], None] | None = None,
        augmentation: Augmentation | None = None,
        regularizations: Mapping[str, Regularization | None] | None = None,
        scored_samples: int = 0,
        **game: Any,
    ) -> None:
        super().__init__(**game)
        self.generator = generator
        self.discriminator = discriminator
        self.loss = loss
        self.noise = plain(noise)
        self.latent = latent
        self.critic_steps = critic_steps
        self.scored_samples = scored_samples
        self.adversary = Adversary(loss, penalties, augmentation)
        self.constraint = constraint
        self.regularizations = {name: plain(each) for name, each in (regularizations or {}).items() if each is not None}
        self.average = ema(generator) if ema is not None else None
        self.truncation: float | None = None
        self._standing: nn.Module | None = None

    def players(self) -> list[Player]:
        """Return the discriminator, then the generator."""
        return [
            Player("discriminator", self.discriminator, self.discriminator_loss, constraint=self.constraint),
            Player("generator", self.generator, self.generator_loss, self.critic_steps, self.average),
        ]

    def discriminator_loss(self, batch: Batch) -> Terms:
        """Tell real from fake."""
        real = batch["image"]
        with torch.no_grad():
            fake = self.generator(self.draw_noise("discriminator", len(real)))
        return self.told_apart(real, fake, self.discriminator, self.discriminator)

    def generator_loss(self, batch: Batch) -> Terms:
        """Pass for real."""
        real = batch["image"]
        fake = self.generator(self.draw_noise("generator", len(real)))
        return self.passed_off(real, fake, self.discriminator, self.discriminator)

    def told_apart(self, real: Tensor, fake: Tensor, critic: Critic, fake_critic: Critic) -> Terms:
        """Return the discriminator's terms; the critics answer for real and for fake images, labels already bound."""
        real, fake = self.augmented("discriminator real", real), self.augmented("discriminator fake", fake)
        return self.discriminator_terms(critic, fake_critic, real, fake, critic(real), fake_critic(fake))

    def discriminator_terms(
        self,
        critic: Critic,
        fake_critic: Critic,
        real: Tensor,
        fake: Tensor,
        real_logits: Tensor,
        fake_logits: Tensor,
    ) -> Terms:
        """Return its loss and penalties for what the critics answered to the images as it sees them."""
        self.watch(real=real_logits, fake=fake_logits)
        return self.adversary.terms(self, real, fake, critic, fake_critic, real_logits, fake_logits)

    def passed_off(self, real: Tensor, fake: Tensor, critic: Critic, fake_critic: Critic) -> Terms:
        """Return the generator's terms."""
        return self.generator_terms(critic, real, fake_critic(self.augmented("generator fake", fake)))

    def generator_terms(self, critic: Critic, real: Tensor, fake_logits: Tensor) -> Terms:
        """Return its loss and regularizations; real images are shown only to losses that ask for them."""
        adversarial = self.loss.generator(fake_logits, lambda: critic(self.augmented("generator real", real)))
        return {
            "adversarial": adversarial,
            **{name: regularization(self.generator) for name, regularization in self.regularizations.items()},
        }

    def augmented(self, purpose: str, images: Tensor) -> Tensor:
        """Return images as the discriminator sees them."""
        (seen,) = self.adversary.seen(self, purpose, images)
        return seen

    def draw_noise(self, player: str, n: int) -> Tensor:
        """Draw noise (n, latent) afresh for a player's turn."""
        return self.draw(f"{player} noise", n, lambda total, r: self.noise((total, self.latent), r))

    def validation_step(self, batch: Batch, batch_idx: int) -> Tensor:
        """Return the samples with these numbers, in float32 whatever the precision of training."""
        with torch.autocast(self.device.type, enabled=False):
            return self.sample_numbered(batch["number"], self.seed)

    def sample(self, n: int, seed: int, labels: Sequence[int] | None = None) -> Tensor:
        """Return ``n`` images (n, C, H, W) in [-1, 1]; the first are the same whatever ``n`` is.

        Raises ValueError if labels are given: this game has none.
        """
        if labels is not None:
            raise ValueError("labels: this model was trained without labels; leave them out")
        return torch.cat([self.sample_numbered(block, seed) for block in blocks(n)])

    def sample_numbered(self, numbers: Tensor, seed: int) -> Tensor:
        """Return the samples with these numbers (B,), which are one of the ``blocks``."""
        return self.generate(self.sample_noise(numbers, seed))

    def describe_samples(self, seed: int) -> dict[str, Any]:
        """Return the part of a score's protocol that tells how samples were drawn."""
        network = self.sampler()
        description = {
            "source": "generator",
            "weights": "generator" if self.average is None else "moving average",
            "batch_norm": "running statistics" if self._standing is None else "standing statistics",
            "precision": str(next(network.parameters()).dtype).removeprefix("torch."),
            "seed": seed,
        }
        return description if self.truncation is None else {**description, "truncation": self.truncation}

    def truncate(self, threshold: float) -> None:
        """Draw samples from normal noise without its tails from now on; the game is not trained any more.

        Where the generator has batch norm its statistics are first gathered anew from whole noise, as a function of the
        game's seed (arXiv 1809.11096, section 3.1 and appendix C). Raises ValueError for a threshold that is not above
        0 and for noise that is not normal.
        """
        cut = truncated(self.noise, threshold)
        sampler = self.sampler()
        if batch_norms(sampler):
            # Not from the cut noise: a batch norm behind the first layer would undo the cut by its smaller variance.
            self._standing = with_standing_statistics(sampler, self.standing_inputs())
        self.noise, self.truncation = cut, threshold

    def standing_inputs(self) -> Iterator[tuple[Tensor, ...]]:
        """Yield batches of what the generator takes in training."""
        for number in range(STANDING_BATCHES):
            noise = self.noise((BLOCK, self.latent), rng(self.seed, "standing noise", number))
            yield (noise.to(self.device),)

    def latest(self, n: int, batch: Batch) -> tuple[Tensor, Critic]:
        """Return ``n`` samples of the generator as it is now, not averaged, and the discriminator for them.

        ``batch`` is the latest; games that draw from noise do not need it.
        """
        noise = self.noise((n, self.latent), rng(self.seed, "latest", self.batches_seen))
        return self.generate(noise, network=self.generator), self.discriminator

    def sample_noise(self, numbers: Tensor, seed: int) -> Tensor:
        """Return the noise (B, latent) of the samples with these numbers, one of the ``blocks``."""
        return numbered(self.noise, self.latent, numbers, seed)

    @torch.no_grad()
    def generate(self, *inputs: Tensor, network: nn.Module | None = None) -> Tensor:
        """Map noise (and labels) to images by the generator, averaged where it can be, in evaluation mode."""
        network = network or self.sampler()
        was_training = network.training
        network.eval()
        # A user's network may have no parameters.
        dtype = next(network.parameters(), inputs[0]).dtype
        given = (each.to(self.device, dtype if each.is_floating_point() else None) for each in inputs)
        images = network(*given).float()
        network.train(was_training)
        return images

    def sampler(self) -> nn.Module:
        """Return the network that draws samples: the averaged generator where there is one."""
        if self._standing is not None:
            return self._standing
        return self.generator if self.average is None else self.average.network
